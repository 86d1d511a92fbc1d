-- A request to a place outside has ended. ARGV 2 its name  3 requests a minute  4 units a minute  5 units it entered with
-- 6 units it really took (< 0: not known)  7 ok | failed | limited | refused | given_up | not_asked  8 was it the probe ('1')
-- 9 how long nobody needs to ask (limited, refused; ms)  10 reason (failed, refused)
-- 11 failures in a row that close it  12 for how long (ms)  13 ... at most, doubling with each probe that fails
-- The keys: gate_enter.lua.
even_when_full()
local key = Q .. ':gate:' .. ARGV[2]
local units, used, outcome, is_probe = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7], ARGV[8] == '1'
local stays = 60000

local function give_back(field, per_min, amount)
  local owed = per_min > 0 and amount ~= 0 and call('HGET', key, field)
  if not owed then return end
  local burst = math.max(1, math.floor(per_min / 10))
  local til = tonumber(owed) - amount * 60000 / (per_min - burst + 1)
  call('HSET', key, field, string.format('%.3f', til))
  stays = math.max(stays, til - NOW + 60000)
end

local function close(ms, why)
  call('HDEL', key, 'probe')
  call('HSET', key, 'closed', string.format('%.0f', NOW + ms), 'span', string.format('%.0f', ms), 'reason', why)
  stays = math.max(stays, ms + tonumber(ARGV[13]) + 60000) -- how long it was closed is remembered for the next time
end

local function failed()
  local span = tonumber(call('HGET', key, 'span') or 0)
  if is_probe then return close(math.min(math.max(span, tonumber(ARGV[12]) / 2) * 2, tonumber(ARGV[13])), ARGV[10]) end
  if span > 0 then return end -- on its way since before it closed
  if call('HINCRBY', key, 'failures', 1) >= tonumber(ARGV[11]) then close(tonumber(ARGV[12]), ARGV[10]) end
end

if outcome == 'not_asked' then
  give_back('requests', tonumber(ARGV[3]), 1)
  used = 0
end
if used >= 0 then give_back('units', tonumber(ARGV[4]), units - used) end

if outcome == 'ok' then call('HDEL', key, 'failures', 'closed', 'span', 'reason', 'probe')
elseif outcome == 'failed' then failed()
elseif outcome == 'refused' then close(tonumber(ARGV[9]), ARGV[10])
else
  if is_probe then call('HDEL', key, 'probe') end
  if outcome == 'limited' then
    local til = math.max(NOW + tonumber(ARGV[9]), tonumber(call('HGET', key, 'limited') or 0))
    call('HSET', key, 'limited', string.format('%.0f', til))
    stays = math.max(stays, til - NOW + 60000)
  end
end
if call('EXISTS', key) == 1 and call('PTTL', key) < stays then call('PEXPIRE', key, math.ceil(stays)) end
return 1
