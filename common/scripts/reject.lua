-- A message that is no job: to the dead stream, with the reason. ARGV 2 raw message  3 reason  4 shop  5 upload ('' unknown)
if call('LREM', Q .. ':intake', 1, ARGV[2]) == 0 then return 0 end
reject(ARGV[2], ARGV[3], ARGV[4], ARGV[5], '')
finish()
return 1
