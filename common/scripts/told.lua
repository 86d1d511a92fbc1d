-- The ends of these jobs are in PostgreSQL. ARGV 2... jobs
even_when_full()
if #ARGV < 2 then return 0 end
return call('ZREM', Q .. ':ended', unpack(ARGV, 2))
