-- A worker's turn: ends the tasks it has finished and draws new ones, in one round trip.
-- ARGV 2 worker  3 number of this turn  4 number of its last turn whose answer came, or '' when that is the one before
--      this  5 how many to draw  6 how many of these may be urgent: those that begin at once, so that no worker sits on
--      what another could begin  7 jitter (0..100)  8 how many ended, then for each: ref, token, outcome
--      (done|failed|retry|away|back), result, message, reason, bundles, shared, n, n x (task, payload)
-- Returns {verdict per ended task: ok|again|fenced|closed}, the token of all that was drawn, {jobs}, {claims}
--      job:   {job, shop, upload, stage, time limit (ms), payload, shared, partial, failed, {task, result, ...} of what
--             the stage is made from (stages of one task)}
--      claim: {number of its job, task, payload, attempts, crashes}
even_when_full()
local worker, want, want_urgent, jitter = ARGV[2], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])

-- ---- ending ----

local ended, of_job, order = {}, {}, {}
local at = 9
for i = 1, tonumber(ARGV[8]) do
  local job, task = split_ref(ARGV[at])
  local n = tonumber(ARGV[at + 8])
  ended[i] = {task = task, token = ARGV[at + 1], outcome = ARGV[at + 2], result = ARGV[at + 3], message = ARGV[at + 4],
              reason = ARGV[at + 5], bundles = ARGV[at + 6], shared = ARGV[at + 7], more_at = at + 9, n_more = n,
              verdict = 'fenced'}
  at = at + 9 + 2 * n
  if job then
    if not of_job[job] then
      of_job[job] = {}
      order[#order + 1] = job
    end
    table.insert(of_job[job], ended[i])
  end
end

local function more_of(e)
  local more = {}
  for k = 0, e.n_more - 1 do more[k + 1] = {ARGV[e.more_at + 2 * k], ARGV[e.more_at + 2 * k + 1]} end
  return more
end

-- Ends with a result are taken together; the others one by one.
local function settle_job(job, list)
  local names, done, last = {}, {}, nil
  for i, e in ipairs(list) do names[i] = e.task end
  local j = job_get(job)
  local records = j and call('HMGET', j.key .. ':tasks', unpack(names)) or {}
  local seen = {}
  for i, e in ipairs(list) do
    local r = seen[e.task] or record_read(records[i])
    seen[e.task] = r
    if not r or r.token ~= e.token then e.verdict = 'fenced'
    elseif r.state ~= 'l' then e.verdict = 'again'
    elseif j.state ~= 'open' then e.verdict = 'closed'
    else
      e.verdict = 'ok'
      if e.bundles ~= '' then j.bundles = tonumber(e.bundles) end
      if e.outcome == 'done' then
        r.state = 'e'
        done[#done + 1] = {e.task, r, e.result}
        last = e
      elseif e.outcome == 'failed' then task_fail(j, e.task, r, 'failed', e.message, e.reason)
      elseif e.outcome == 'retry' then task_retry(j, e.task, r, e.message, e.reason, jitter)
      elseif e.outcome == 'away' then
        call('HSET', j.key .. ':tasks', 'error:' .. e.task, e.reason)
        task_delay(j, e.task, r, LIMIT.retry_ms + math.floor(LIMIT.retry_ms * jitter / 100))
      elseif r.til <= NOW then task_time_out(j, e.task, r, jitter)
      else task_requeue(j, e.task, r) end
    end
  end
  if #done > 0 and j.state == 'open' then
    count('tasks_done', #done)
    tasks_end(j, done, more_of(last), last.shared, last.message)
  end
end

for _, job in ipairs(order) do guarded(job, settle_job, job, of_job[job]) end
local verdicts = {}
for i, e in ipairs(ended) do
  verdicts[i] = e.verdict
  if e.verdict == 'fenced' then count('fenced') end
end

-- ---- drawing ----

local is_any_paused = call('EXISTS', Q .. ':paused') == 1
local is_paused = is_any_paused and call('HEXISTS', Q .. ':paused', '*') == 1
local token, told_jobs, number_of, claims = '', {}, {}, {}

-- A job is begun while there is little to do for those that have begun: else all begin, and none ends in its time.
local MANY_WAIT, JOBS_BEGUN = 64, 64
local n_begun
local function are_many_begun()
  n_begun = n_begun or call('ZCOUNT', Q .. ':open', '-inf', string.format('(%.0f', NEVER))
  return n_begun >= JOBS_BEGUN
end

-- Up to n refs of a shop: what ends a job, what begins one, one of many.
local function draw_of_shop(refs, priority, shop, n, n_urgent, must_begin)
  local lists, lengths, left = {}, {}, 0
  for i = 1, 3 do
    lists[i] = ready_list(3 * priority + i - 1, shop)
    lengths[i] = call('LLEN', lists[i])
    left = left + lengths[i]
  end
  local may_begin = must_begin or lengths[2] == 0 or (lengths[3] < MANY_WAIT and not are_many_begun())
  for i = 1, 3 do
    local k = math.min(n, lengths[i], i == 3 and n or n_urgent)
    if i == 2 and not may_begin then k = 0 end
    if k > 0 then
      for _, ref in ipairs(call('LPOP', lists[i], k)) do refs[#refs + 1] = ref end
      n, left = n - k, left - k
      if i < 3 then n_urgent = n_urgent - k end
    end
  end
  return left, n_urgent
end

-- Up to n refs of a priority, of which n_urgent may be urgent: its shops in turn, each an equal share, passing over
-- those that are paused or at their cap.
local function draw(priority, n, n_urgent, must_begin)
  local ring, refs, drawn, idle, visits = ring_of(priority), {}, {}, 0, 0
  local shops = call('LLEN', ring)
  local share = shops > 0 and math.ceil(n / shops) or 0
  while #refs < n and idle < shops and visits < 200 do
    visits = visits + 1
    local shop = call('LMOVE', ring, ring, 'LEFT', 'RIGHT')
    if not shop then break end
    local before, left = #refs, nil
    local room = LIMIT.shop_running_max - call('SCARD', Q .. ':busy:' .. shop) - (drawn[shop] or 0)
    if is_any_paused and call('HEXISTS', Q .. ':paused', ':' .. shop) == 1 then room = 0 end
    if room > 0 then
      left, n_urgent = draw_of_shop(refs, priority, shop, math.min(share, n - before, room), n_urgent, must_begin)
    end
    if left == 0 then
      call('LREM', ring, -1, shop)
      shops = shops - 1
    end
    drawn[shop] = (drawn[shop] or 0) + #refs - before
    idle = #refs > before and 0 or idle + 1
  end
  return refs
end

-- What the worker is told once per job.
local function tell_job(j)
  local f = call('HMGET', j.key, 'payload', 'shared', 'started', 'partial', 'failed')
  if not f[3] then
    j.is_begun = true
    job_set(j, 'started', NOW)
    call('ZADD', Q .. ':open', string.format('%.0f', NOW + LIMIT.deadline_ms), j.id)
    emit(j, 'running', j.stage.name, j.stage.from, j.stage.message)
  end
  local made_from = j.stage.split and {} or call('HGETALL', j.key .. ':results')
  told_jobs[#told_jobs + 1] = {j.id, j.shop, j.upload, j.stage.name, j.stage.timeout_ms, f[1] or '', j.shared or f[2] or '',
                               f[4] and '1' or '0', f[5] or '[]', made_from}
  number_of[j.id] = #told_jobs
end

-- Leases those of one job's tasks that may be: waiting ones, or (again: a token) those that were drawn with that token.
local function claim_of_job(job, tasks, again)
  local j = job_get(job)
  if not j or j.state ~= 'open' then return end -- it has ended meanwhile
  local records = call('HMGET', j.key .. ':tasks', unpack(tasks))
  local payloads = {}
  if j.stage.split then
    local fields = {}
    for i, task in ipairs(tasks) do fields[i] = 'payload:' .. task end
    payloads = call('HMGET', j.key .. ':tasks', unpack(fields))
  end
  local fields, leases, refs = {}, {}, {}
  for i, task in ipairs(tasks) do
    local r = record_read(records[i])
    if r and ((not again and r.state == 'w') or (again and r.state == 'l' and r.token == again)) then
      if not number_of[job] then tell_job(j) end
      r.state, r.til, r.begun, r.token = 'l', NOW + j.stage.timeout_ms, NOW, token
      fields[#fields + 1] = task
      fields[#fields + 1] = record_text(r)
      leases[#leases + 1] = string.format('%.0f', math.min(NOW + LIMIT.lease_ms, r.til))
      leases[#leases + 1] = j.id .. '/' .. task
      refs[#refs + 1] = j.id .. '/' .. task
      claims[#claims + 1] = {number_of[job], task, payloads[i] or '', r.attempts, r.crashes}
    end
  end
  if #refs == 0 then return end
  call('HSET', j.key .. ':tasks', unpack(fields))
  call('ZADD', Q .. ':leases', unpack(leases))
  call('SADD', j.busy, unpack(refs))
end

local function claim(refs, again)
  local tasks_of, in_order = {}, {}
  for _, ref in ipairs(refs) do
    local job, task = split_ref(ref)
    if not tasks_of[job] then
      tasks_of[job] = {}
      in_order[#in_order + 1] = job
    end
    table.insert(tasks_of[job], task)
  end
  for _, job in ipairs(in_order) do guarded(job, claim_of_job, job, tasks_of[job], again) end
end

local function new_token()
  if token == '' then token = string.format('%.0f.%.0f-%s', call('INCR', Q .. ':fence'), NOW, worker) end
end

-- The answer of an earlier turn was lost: what that one drew, and nobody holds, is handed out now.
if ARGV[4] ~= '' then
  local number, old_token, refs = string.match(call('GET', Q .. ':turn:' .. worker) or '', '^(%d+)\n([^\n]*)\n(.*)$')
  if number and tonumber(number) > tonumber(ARGV[4]) then
    local lost = {}
    for ref in string.gmatch(refs, '[^\n]+') do lost[#lost + 1] = ref end
    new_token()
    claim(lost, old_token)
  end
end

-- Interactive jobs before normal ones before bulk ones; in every eighth turn the other way round, so that nobody starves.
local redrawn, urgent = #claims, 0

local function claim_counted(refs)
  local before = #claims
  claim(refs, nil)
  for i = before + 1, #claims do
    if jobs[told_jobs[claims[i][1]][1]].stage.urgency == 0 then urgent = urgent + 1 end
  end
end

local function draw_priority(priority)
  for _ = 1, 20 do -- what was drawn may have ended meanwhile
    local n, n_urgent = want - (#claims - redrawn), want_urgent - urgent
    if n == 0 then return end
    local refs = draw(priority, n, n_urgent, false)
    if #refs == 0 and n_urgent > 0 then refs = draw(priority, n, n_urgent, true) end
    if #refs == 0 then return end
    claim_counted(refs)
  end
end

if want > 0 and not is_paused and something_is_ready() then
  new_token()
  local is_turned = tonumber(string.match(token, '^%d+')) % 8 == 0
  for step = 0, 2 do draw_priority(is_turned and 2 - step or step) end
  -- More than this worker takes: wake the next one, which does the same. Not when nothing could be drawn: shops that are
  -- at their cap or paused stay in the ring.
  must_wake = must_wake or #claims - redrawn == want or (want_urgent > 0 and urgent == want_urgent)
end
if is_paused then must_wake = false end

if #claims > 0 then
  local refs = {}
  for i, c in ipairs(claims) do refs[i] = told_jobs[c[1]][1] .. '/' .. c[2] end
  call('SET', Q .. ':turn:' .. worker, ARGV[3] .. '\n' .. token .. '\n' .. table.concat(refs, '\n'), 'PX',
       LIMIT.lease_ms + 5000)
end
finish()
return {verdicts, token, told_jobs, claims}
