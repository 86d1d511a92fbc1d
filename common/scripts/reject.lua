-- A message that is no job: to the dead stream, with the reason. ARGV 2 raw message  3 reason  4 shop  5 upload ('' unknown)
if call('LREM', Q .. ':intake', 1, ARGV[2]) == 0 then return 0 end
local reason, shop, upload = ARGV[3], ARGV[4], ARGV[5]
bury('rejected', reason, shop, upload, ARGV[2], '', '', '')
count('jobs_rejected')
local event = string.format('{"v":1,"job":null,"upload":%s,"shop":%s,"status":"rejected","message":%s,"ts":%.0f}',
                            cjson.encode(upload), cjson.encode(shop), cjson.encode(reason), NOW)
if upload ~= '' then call('PUBLISH', Q .. ':progress:' .. address(shop, upload), event) end
call('PUBLISH', Q .. ':progress', event)
finish()
return 1
