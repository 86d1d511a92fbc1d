-- What the queue holds, for operators; changes nothing. ARGV 2 most jobs that are listed
-- Returns {now, {name, number, ...}, {{3 * priority + urgency, shops, tasks} ...}, paused: {place, why, ...},
--      stats: {name, n, ...}, {worker, until, card ...}, {{job, deadline, priority, latest event} ...} running ones first}
local most = tonumber(ARGV[2])
local MOST = 1000 -- shops of a priority that are counted, and workers

local figures = {'inbox', call('LLEN', Q .. ':jobs'), 'intake', call('LLEN', Q .. ':intake'),
                 'delayed', call('ZCARD', Q .. ':delayed'), 'leased', call('ZCARD', Q .. ':leases'),
                 'open', call('ZCARD', Q .. ':open'), 'dead', call('XLEN', Q .. ':dead'),
                 'kept', call('ZCARD', Q .. ':kept'), 'untold', call('ZCARD', Q .. ':ended')}

local ready = {}
local function add_shop(lists, rows, shop)
  for i, list in ipairs(lists) do
    local row, tasks = rows[i], call('LLEN', list)
    row[3] = row[3] + tasks
    if tasks > 0 and row.latest ~= shop then row[2], row.latest = row[2] + 1, shop end
  end
end
for priority = 0, 2 do
  local urgent, many, io = {3 * priority, 0, 0}, {3 * priority + 1, 0, 0}, {3 * priority + 2, 0, 0}
  for lane, rows in pairs({[COMPUTE] = {urgent, urgent, many}, [IO] = {io}}) do
    for _, shop in ipairs(call('LRANGE', ring_of(lane, priority), 0, MOST - 1)) do
      add_shop(ready_lists(lane, priority, shop), rows, shop)
    end
  end
  for _, row in ipairs({urgent, many, io}) do ready[#ready + 1] = row end
end

local workers = {}
local cards = call('ZRANGEBYSCORE', Q .. ':workers', NOW, '+inf', 'WITHSCORES', 'LIMIT', 0, MOST)
for i = 1, #cards, 2 do
  workers[#workers + 1] = cards[i]
  workers[#workers + 1] = cards[i + 1]
  workers[#workers + 1] = call('GET', Q .. ':worker:' .. cards[i]) or ''
end

local jobs = {}
local open = call('ZRANGE', Q .. ':open', 0, most - 1, 'WITHSCORES')
for i = 1, #open, 2 do
  local latest = call('XREVRANGE', Q .. ':job:' .. open[i] .. ':log', '+', '-', 'COUNT', 1)
  jobs[#jobs + 1] = {open[i], open[i + 1], call('HGET', Q .. ':job:' .. open[i], 'priority') or '',
                     latest[1] and latest[1][2][2] or ''}
end

return {NOW, figures, ready, call('HGETALL', Q .. ':paused'), call('HGETALL', Q .. ':stats'), workers, jobs}
