-- Single flight. ARGV 2 name  3 ref  4 token  5 the value that is no good any more, or ''
-- Answers {known, value}, {yours}, {wait} or {lost}. The maker's right ends with its lease: nobody has to give it back.
local function holds(ref, token)
  local job, task = split_ref(ref)
  local r = job and record_read(call('HGET', Q .. ':job:' .. job .. ':tasks', task))
  local til = r and r.state == 'l' and r.token == token and tonumber(call('ZSCORE', Q .. ':leases', ref) or 0)
  return til and til > NOW and r.til
end

local value = call('GET', Q .. ':made:' .. ARGV[2])
if value and value ~= ARGV[5] then return {'known', value} end
local til = holds(ARGV[3], ARGV[4])
if not til then return {'lost'} end
local key, me = Q .. ':maker:' .. ARGV[2], ARGV[4] .. '\n' .. ARGV[3]
local maker = call('GET', key)
if maker and maker ~= me then
  local token, ref = string.match(maker, '^(.-)\n(.*)$')
  if token and holds(ref, token) then return {'wait'} end
end
call('SET', key, me, 'PX', math.max(1, math.floor(til - NOW)))
return {'yours'}
