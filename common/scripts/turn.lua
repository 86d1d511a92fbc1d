-- A worker's turn: ends the tasks it has finished and draws new ones, in one round trip.
-- ARGV 2 worker  3 how many to draw  4 how many of these may be of class 0: those that begin at once, so that no worker
--      sits on what another could begin  5 jitter (0..100)  6 how many ended, then for each:
--      ref, token, outcome (done|failed|retry|away|back), result, message, reason, bundles, n, n x (task, payload)
-- Returns {{verdict per ended task: ok|again|fenced|closed}, {claims}, now}; a claim is
--      {ref, token, stage, task payload, attempts, crashes, ms left, job payload, shop, upload, partial, failed,
--       {task, result, ...} of what the stage is made from (stages of one task)}
local worker, want, want_urgent, jitter = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

local function settle(ref, token, outcome, result, message, reason, bundles, more)
  local job, task = split_ref(ref)
  local r = job and task_get(job, task)
  if not r or r.token ~= token then
    count('fenced')
    return 'fenced'
  end
  if r.state ~= 'l' then return 'again' end
  local j = job_get(job)
  if not j or j.state ~= 'open' then return 'closed' end
  if bundles ~= '' then call('HSET', job_key(job), 'bundles', bundles) end
  if outcome == 'done' then task_end(j, task, r, true, result, message, '', more)
  elseif outcome == 'failed' then task_end(j, task, r, false, '', message, reason, {})
  elseif outcome == 'retry' then task_retry(j, task, r, message, reason, jitter)
  elseif outcome == 'away' then task_delay(j, task, r, LIMIT.retry_ms + math.floor(LIMIT.retry_ms * jitter / 100))
  else task_requeue(j, task, r) end
  return 'ok'
end

local verdicts, at = {}, 7
for i = 1, tonumber(ARGV[6]) do
  local more = {}
  local n = tonumber(ARGV[at + 7])
  for k = 0, n - 1 do more[k + 1] = {ARGV[at + 8 + 2 * k], ARGV[at + 9 + 2 * k]} end
  verdicts[i] = settle(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], more)
  at = at + 8 + 2 * n
end

-- Draws one ref: the first class from `class` on that has any, shops in turn, passing over shops at their cap.
local function draw(class)
  for class = class, 1 do
    local ring = Q .. ':ring:' .. class
    for _ = 1, math.min(call('LLEN', ring), 100) do
      local shop = call('LPOP', ring)
      if call('SCARD', Q .. ':busy:' .. shop) < LIMIT.shop_running_max then
        local list = Q .. ':ready:' .. class .. ':' .. shop
        local ref = call('LPOP', list)
        if call('EXISTS', list) == 1 then call('RPUSH', ring, shop) end
        if ref then return ref, class end
      else
        call('RPUSH', ring, shop)
      end
    end
  end
  return nil
end

local jobs = {} -- read once per turn
local function claim(ref)
  local job, task = split_ref(ref)
  local r = task_get(job, task)
  local j = jobs[job] or job_get(job)
  if not r or r.state ~= 'w' or not j or j.state ~= 'open' then return nil end -- its job has ended meanwhile
  local key = job_key(job)
  local f = call('HMGET', key, 'payload', 'started', 'partial', 'failed')
  if not jobs[job] then
    jobs[job] = j
    if not f[2] then
      call('HSET', key, 'started', NOW)
      call('ZADD', Q .. ':deadlines', NOW + LIMIT.deadline_ms, job)
      emit(job, 'running', j.stage.name, j.stage.from, j.stage.message)
    end
  end
  r.state = 'l'
  r.til = NOW + j.stage.timeout_ms
  r.token = call('INCR', Q .. ':fence') .. '-' .. worker
  task_set(job, task, r)
  call('ZADD', Q .. ':leases', math.min(NOW + LIMIT.lease_ms, r.til), ref)
  call('SADD', Q .. ':busy:' .. j.shop, ref)
  local payload = j.stage.split and call('HGET', key .. ':tasks', 'payload:' .. task) or ''
  local made_from = j.stage.split and {} or call('HGETALL', key .. ':results')
  return {ref, r.token, j.stage.name, payload or '', r.attempts, r.crashes, j.stage.timeout_ms, f[1], j.shop, j.upload,
          f[3] or '0', f[4] or '[]', made_from}
end

local claims, drawn, urgent = {}, 0, 0
while #claims < want and drawn < want + 200 do
  local ref, class = draw(urgent < want_urgent and 0 or 1)
  if not ref then break end
  drawn = drawn + 1
  local c = claim(ref)
  if c then
    claims[#claims + 1] = c
    if class == 0 then urgent = urgent + 1 end
  end
end
-- More than this worker can take: wake the next one, which does the same. (Not when nothing could be drawn: shops at
-- their cap stay in the ring.)
local is_more = want > 0 and #claims == want and call('EXISTS', Q .. ':ring:1') == 1
local is_more_urgent = want > 0 and urgent == want_urgent and call('EXISTS', Q .. ':ring:0') == 1
if is_more or is_more_urgent then must_wake = true end
finish()
return {verdicts, claims, NOW}
