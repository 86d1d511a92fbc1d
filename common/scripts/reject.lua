-- A message that is no job: to the dead list, with the reason. ARGV 2 raw message  3 reason  4 upload ('' if unknown)
if call('LREM', Q .. ':intake', 1, ARGV[2]) == 0 then return 0 end
call('LPUSH', Q .. ':dead', '{"ts":' .. string.format('%.0f', NOW) .. ',"reason":' .. cjson.encode(ARGV[3]) ..
     ',"payload":' .. cjson.encode(ARGV[2]) .. '}')
call('LTRIM', Q .. ':dead', 0, LIMIT.dead_max - 1)
count('jobs_rejected')
local event = '{"v":1,"job":null,"upload":' .. cjson.encode(ARGV[4]) .. ',"status":"rejected","message":' ..
              cjson.encode(ARGV[3]) .. ',"ts":' .. string.format('%.0f', NOW) .. '}'
if ARGV[4] ~= '' then call('PUBLISH', Q .. ':progress:' .. ARGV[4], event) end
call('PUBLISH', Q .. ':progress', event)
return 1
