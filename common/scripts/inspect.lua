-- All that is known of a job, for operators; changes nothing. ARGV 2 job or upload  3 shop ('' unknown)  4 most events
-- Returns {what, ...}: unknown | ambiguous, shops ... (uploads of several shops are called so) | job, then
--      {job, now, deadline or '', ms its keys live, job hash, task hash without payloads, {open task ...},
--       {task, lease end, ...}, {task, due, ...}, {task, bytes of its result, ...}, {event ...} newest first}
local name, shop = ARGV[2], ARGV[3]

-- Which jobs, open or kept, are of an upload called so. Bounded: what is open or kept beyond is found by its id alone.
local function of_upload()
  local jobs, shops, n = {}, {}, 0
  for _, list in ipairs({'open', 'kept'}) do
    for _, job in ipairs(call('ZRANGE', Q .. ':' .. list, 0, 4999, 'REV')) do
      local f = call('HMGET', Q .. ':job:' .. job, 'upload', 'shop', 'created')
      if f[1] == name and (shop == '' or f[2] == shop) then
        local known = jobs[f[2]]
        if not known then
          n = n + 1
          shops[n] = f[2]
        end
        if not known or tonumber(f[3]) >= known[2] then jobs[f[2]] = {job, tonumber(f[3])} end
      end
    end
  end
  return shops, n == 1 and jobs[shops[1]][1]
end

local job = name
if call('EXISTS', Q .. ':job:' .. job) == 0 then
  local shops, found = {}, shop ~= '' and call('GET', Q .. ':upload:' .. address(shop, name))
  if not found then shops, found = of_upload() end
  if #shops > 1 then return {'ambiguous', unpack(shops, 1, math.min(#shops, 20))} end
  if not found then return {'unknown'} end
  job = found
end

local key = Q .. ':job:' .. job
local tasks, leases, delayed, results = {}, {}, {}, {}
local all = call('HGETALL', key .. ':tasks')
for i = 1, #all, 2 do
  local field = all[i]
  if string.sub(field, 1, 8) ~= 'payload:' then
    tasks[#tasks + 1] = field
    tasks[#tasks + 1] = all[i + 1]
  end
  if not string.find(field, '^%a+:') then
    local lease = call('ZSCORE', Q .. ':leases', job .. '/' .. field)
    local due = call('ZSCORE', Q .. ':delayed', job .. '/' .. field)
    if lease then leases[#leases + 1], leases[#leases + 2] = field, lease end
    if due then delayed[#delayed + 1], delayed[#delayed + 2] = field, due end
  end
end
for _, task in ipairs(call('HKEYS', key .. ':results')) do
  results[#results + 1], results[#results + 2] = task, call('HSTRLEN', key .. ':results', task)
end
local events = {}
if tonumber(ARGV[4]) > 0 then
  for i, entry in ipairs(call('XREVRANGE', key .. ':log', '+', '-', 'COUNT', ARGV[4])) do events[i] = entry[2][2] end
end
return {'job', job, NOW, call('ZSCORE', Q .. ':open', job) or '', call('PTTL', key), call('HGETALL', key), tasks,
        call('SMEMBERS', key .. ':open'), leases, delayed, results, events}
