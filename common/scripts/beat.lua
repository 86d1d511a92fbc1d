-- Renews the leases a worker holds and says that it is there. ARGV 2 worker  3 its card (JSON)  4... ref, token
-- Returns the refs it has lost: taken over, ended, cancelled, or past their own time limit.
call('SET', Q .. ':worker:' .. ARGV[2], ARGV[3], 'PX', LIMIT.lease_ms + 5000)
local lost = {}
for at = 4, #ARGV, 2 do
  local ref = ARGV[at]
  local job, task = split_ref(ref)
  local r = job and task_get(job, task)
  if not r or r.state ~= 'l' or r.token ~= ARGV[at + 1] or r.til <= NOW or not call('ZSCORE', Q .. ':leases', ref) then
    lost[#lost + 1] = ref
  else
    call('ZADD', Q .. ':leases', math.min(NOW + LIMIT.lease_ms, r.til), ref)
  end
end
return lost
