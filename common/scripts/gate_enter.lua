-- May one more request go to a place outside? ARGV 2 its name  3 requests a minute  4 units a minute (0: no limit)
-- 5 units that it takes  6 how long a probe may take (ms)
-- Answers {'go'}, {'probe'} (the one request by which a closed gate is tried), {'wait', ms} or {'closed', ms, reason}.
--
-- The hash Q:gate:<name>, times in Redis ms:
--     requests, units   GCRA: until when what has entered is owed (its theoretical arrival time)
--     limited           nobody enters before
--     failures          in a row
--     closed, span, reason   closed until then, for so long, why; stays until a request succeeds
--     probe             until when one is on its way
even_when_full()
local key = Q .. ':gate:' .. ARGV[2]
local units = tonumber(ARGV[5])
local f = call('HMGET', key, 'requests', 'units', 'limited', 'closed', 'probe', 'reason')
local limited, closed, probe = tonumber(f[3] or 0), tonumber(f[4] or 0), tonumber(f[5] or 0)

if closed > NOW then return {'closed', math.ceil(closed - NOW), f[6] or ''} end
if closed > 0 and probe > NOW then return {'closed', math.ceil(probe - NOW), f[6] or ''} end

-- A limit of n a minute, a tenth of it at once: one each T = a minute / (n - burst + 1) gives n in any minute. Returns
-- when `amount` may enter, and until when it is owed then. More than a burst waits until nothing is owed.
local function owed(text, per_min, amount)
  if per_min == 0 then return NOW, nil end
  local burst = math.max(1, math.floor(per_min / 10))
  local each = 60000 / (per_min - burst + 1)
  local til = tonumber(text or 0)
  return til - math.max(0, burst - amount) * each, math.max(til, NOW) + amount * each
end

local at, requests_owed = owed(f[1], tonumber(ARGV[3]), 1)
local units_at, units_owed = owed(f[2], tonumber(ARGV[4]), units)
at = math.max(at, units_at, limited)
if at > NOW then return {'wait', math.ceil(at - NOW)} end

local til = math.max(requests_owed or 0, units_owed or 0, closed, NOW)
if requests_owed then call('HSET', key, 'requests', string.format('%.3f', requests_owed)) end
if units_owed then call('HSET', key, 'units', string.format('%.3f', units_owed)) end
if closed > 0 then
  til = NOW + tonumber(ARGV[6])
  call('HSET', key, 'probe', string.format('%.0f', til))
end
if call('PTTL', key) < til - NOW + 60000 then call('PEXPIRE', key, math.ceil(til - NOW) + 60000) end
return {closed > 0 and 'probe' or 'go'}
