-- Renews the leases a worker holds and says that it is there. ARGV 2 worker  3 its card (JSON)  4... ref, token
-- Returns the refs it has lost: taken over, ended, cancelled, or past their own time limit.
even_when_full()
local life_ms = LIMIT.lease_ms + 5000
call('SET', Q .. ':worker:' .. ARGV[2], ARGV[3], 'PX', life_ms)
call('ZADD', Q .. ':workers', NOW + life_ms, ARGV[2])

local lost, by_job = {}, {}
for at = 4, #ARGV, 2 do
  local job, task = split_ref(ARGV[at])
  if job then
    local list = by_job[job] or {}
    by_job[job] = list
    list[#list + 1] = {ref = ARGV[at], task = task, token = ARGV[at + 1]}
  else
    lost[#lost + 1] = ARGV[at]
  end
end
local function renew(job, list)
  local names, refs, renewed = {}, {}, {}
  for i, held in ipairs(list) do names[i], refs[i] = held.task, held.ref end
  local records = call('HMGET', Q .. ':job:' .. job .. ':tasks', unpack(names))
  local leases = call('ZMSCORE', Q .. ':leases', unpack(refs))
  for i, held in ipairs(list) do
    local r = record_read(records[i])
    if not r or r.state ~= 'l' or r.token ~= held.token or r.til <= NOW or not leases[i] then
      lost[#lost + 1] = held.ref
    else
      renewed[#renewed + 1] = string.format('%.0f', math.min(NOW + LIMIT.lease_ms, r.til))
      renewed[#renewed + 1] = held.ref
    end
  end
  if #renewed > 0 then call('ZADD', Q .. ':leases', unpack(renewed)) end
end
for job, list in pairs(by_job) do guarded(job, renew, job, list) end
finish()
return lost
