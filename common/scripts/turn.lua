-- A worker's turn: ends the tasks it has finished and draws new ones, in one round trip.
-- ARGV 2 worker  3 number of this turn  4 number of its last turn whose answer came, or '' when that is the one before
--      this  5 how many to draw  6 how many of these may be urgent: those that begin at once, so that no worker sits on
--      what another could begin  7 how many more to draw that wait for somebody else (I/O)  8 jitter (0..100)  9 how many
--      ended, then for each: ref, token, outcome, result, and, but for the outcome "done", which leaves nothing else:
--      message, reason, bundles, shared, n, n x (task, payload)
--      outcome: done | left (done, with more than a result) | failed | retry | away | back
-- Returns a letter per ended task (the verdicts below), the token of all that was drawn, {jobs}, {claims}: few and plain
-- values, because a worker allocates memory for each.
--      job:   {job, shop, upload, stage, time limit (ms), payload, shared, partial, failed, {task, result, ...} of what
--             the stage is made from (stages of one task)}
--      claims: for each: "number of its job|attempts|crashes|task", payload (nil: none)
even_when_full()
local worker, want_urgent, jitter = ARGV[2], tonumber(ARGV[6]), tonumber(ARGV[8])
local want = {[COMPUTE] = tonumber(ARGV[5]), [IO] = tonumber(ARGV[7])}

-- ---- ending ----

local OK, AGAIN, FENCED, CLOSED = 'o', 'a', 'f', 'c'

-- Of each job: which of the ended are its, and where they stand in ARGV.
local verdicts, of_job, order = {}, {}, {}
local at = 10
for i = 1, tonumber(ARGV[9]) do
  local job, task = split_ref(ARGV[at])
  verdicts[i] = FENCED
  if job then
    local its = of_job[job]
    if not its then
      its = {names = {}, numbers = {}, at = {}}
      of_job[job] = its
      order[#order + 1] = job
    end
    local n = #its.names + 1
    its.names[n], its.numbers[n], its.at[n] = task, i, at
  end
  at = at + (ARGV[at + 2] == 'done' and 4 or 9 + 2 * tonumber(ARGV[at + 8]))
end

local function settle_otherwise(j, task, r, at)
  local outcome, message, reason = ARGV[at + 2], ARGV[at + 4], ARGV[at + 5]
  if outcome == 'failed' then task_fail(j, task, r, 'failed', message, reason)
  elseif outcome == 'retry' then task_retry(j, task, r, message, reason, jitter)
  elseif outcome == 'away' then
    call('HSET', j.key .. ':tasks', 'error:' .. task, reason)
    task_delay(j, task, r, LIMIT.retry_ms + math.floor(LIMIT.retry_ms * jitter / 100))
  elseif r.til <= NOW then task_time_out(j, task, r, jitter)
  else task_requeue(j, task, r) end
end

-- Ends with a result are taken together; the others one by one.
local function settle_job(job, its)
  local j = job_get(job)
  if not j then return end
  local texts = call('HMGET', j.key .. ':tasks', unpack(its.names))
  local names, refs, records, results, last, seen = {}, {}, {}, {}, nil, {}
  for i, task in ipairs(its.names) do
    local at = its.at[i]
    local ref, token, outcome = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    local is_done = outcome == 'done' or outcome == 'left'
    -- A task may stand here twice: lost to the sweep and drawn again. While it is leased nothing here has changed it.
    local is_untouched = not seen[task] or seen[task].state == 'l'
    local record = is_done and is_untouched and j.state == 'open' and record_ended(texts[i], token)
    local verdict = OK
    if record then
      names[#names + 1] = task
      refs[#refs + 1] = ref
      records[#records + 1] = task
      records[#records + 1] = record
      results[#results + 1] = task
      results[#results + 1] = ARGV[at + 3]
      seen[task] = record_read(record)
      last = at
    else
      local r = seen[task] or record_read(texts[i])
      seen[task] = r
      if not r or r.token ~= token then verdict = FENCED
      elseif r.state ~= 'l' then verdict = AGAIN
      elseif j.state ~= 'open' then verdict = CLOSED end
    end
    if verdict == OK and outcome ~= 'done' and ARGV[at + 6] ~= '' then j.bundles = tonumber(ARGV[at + 6]) end
    if verdict == OK and not is_done then settle_otherwise(j, task, seen[task], at) end
    verdicts[its.numbers[i]] = verdict
  end
  if last and j.state == 'open' then
    count('tasks_done', #names)
    local more, shared, message = {}, '', ''
    if ARGV[last + 2] == 'left' then
      message, shared = ARGV[last + 4], ARGV[last + 7]
      for k = 1, tonumber(ARGV[last + 8]) do more[k] = {ARGV[last + 7 + 2 * k], ARGV[last + 8 + 2 * k]} end
    end
    tasks_end(j, names, refs, records, results, more, shared, message)
  end
end

for _, job in ipairs(order) do guarded(job, settle_job, job, of_job[job]) end
for _, verdict in ipairs(verdicts) do
  if verdict == FENCED then count('fenced') end
end

-- ---- drawing ----

local is_any_paused = call('EXISTS', Q .. ':paused') == 1
local is_paused = is_any_paused and call('HEXISTS', Q .. ':paused', '*') == 1
local token, told_jobs, number_of, claims, drawn = '', {}, {}, {}, {}
local taken, urgent = {[COMPUTE] = 0, [IO] = 0}, 0 -- of what was asked for

-- A job is begun while there is little to do for those that have begun: else all begin, and none ends in its time.
local MANY_WAIT, JOBS_BEGUN = 64, 64
local n_begun
local function are_many_begun()
  n_begun = n_begun or call('ZCOUNT', Q .. ':open', '-inf', string.format('(%.0f', NEVER))
  return n_begun >= JOBS_BEGUN
end

-- What waits of a shop, and how many more of its tasks may run: asked for once a turn, kept up to date here.
local known, room_of = {[COMPUTE] = {}, [IO] = {}}, {}
local function look_at(lane, priority, shop)
  local id = priority .. shop
  local s = known[lane][id]
  if not s then
    local lists, lengths = ready_lists(lane, priority, shop), {}
    for i, list in ipairs(lists) do lengths[i] = call('LLEN', list) end
    s = {shop = shop, lists = lists, lengths = lengths}
    known[lane][id] = s
  end
  if not room_of[shop] then
    local is_shop_paused = is_any_paused and call('HEXISTS', Q .. ':paused', ':' .. shop) == 1
    room_of[shop] = is_shop_paused and 0 or LIMIT.shop_running_max - call('SCARD', Q .. ':busy:' .. shop)
  end
  return s
end

local function may_begin(lengths)
  return lengths[2] == 0 or (lengths[3] < MANY_WAIT and not are_many_begun())
end

-- Up to n refs of a shop: what ends a job, what begins one, one of many; of I/O there is one of many only. Returns how many
-- urgent ones may still be drawn.
local function draw_of_shop(refs, s, n, n_urgent, must_begin)
  local lengths = s.lengths
  for i = 1, #lengths do
    local k = math.min(n, lengths[i], i == #lengths and n or n_urgent)
    if i == 2 and not must_begin and not may_begin(lengths) then k = 0 end
    if k > 0 then
      for _, ref in ipairs(call('LPOP', s.lists[i], k)) do refs[#refs + 1] = ref end
      n, lengths[i], room_of[s.shop] = n - k, lengths[i] - k, room_of[s.shop] - k
      if i < #lengths then n_urgent = n_urgent - k end
    end
  end
  return n_urgent
end

-- Up to n refs of a lane and priority, of which n_urgent may be urgent: its shops in turn, passing over those that are
-- paused or at their cap. Shares are not cut finer than n / SHARES_MAX: what a turn costs, it costs for every job that it
-- touches.
local SHARES_MAX = 4
local function draw(lane, priority, n, n_urgent, must_begin)
  local ring, refs, idle, visits = ring_of(lane, priority), {}, 0, 0
  local shops = call('LLEN', ring)
  local share = shops > 0 and math.max(math.ceil(n / shops), math.floor(n / SHARES_MAX)) or 0
  while #refs < n and idle < shops and visits < 200 do
    visits = visits + 1
    local shop = call('LMOVE', ring, ring, 'LEFT', 'RIGHT')
    if not shop then break end
    local s, before = look_at(lane, priority, shop), #refs
    local most = math.min(share, n - before, room_of[shop])
    if most > 0 then n_urgent = draw_of_shop(refs, s, most, n_urgent, must_begin) end
    if s.lengths[1] + (s.lengths[2] or 0) + (s.lengths[3] or 0) == 0 then
      call('LREM', ring, -1, shop)
      shops = shops - 1
    end
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

-- Attempts and crashes of a task that may be leased now: one that waits, or (again: a token) was drawn with that token.
local function record_tried(text, again)
  if not again then return record_waiting(text) end
  local r = record_read(text)
  return r and r.state == 'l' and r.token == again and string.format('%d|%d|', r.attempts, r.crashes)
end

-- Leases those of one job's tasks that may be.
local function claim_of_job(job, its, again)
  local j = job_get(job)
  if not j or j.state ~= 'open' then return end -- it has ended meanwhile
  local records = call('HMGET', j.key .. ':tasks', unpack(its.names))
  local payloads = {}
  if j.stage.split then
    local fields = {}
    for i, task in ipairs(its.names) do fields[i] = 'payload:' .. task end
    payloads = call('HMGET', j.key .. ':tasks', unpack(fields))
  end
  local til = NOW + j.stage.timeout_ms
  local rest = string.format('%.0f|%s|%s', til, NOW_TEXT, token)
  local lease = string.format('%.0f', math.min(NOW + LIMIT.lease_ms, til))
  local fields, leases, refs = {}, {}, {}
  for i, task in ipairs(its.names) do
    local tried = record_tried(records[i], again)
    if tried then
      if not number_of[job] then tell_job(j) end
      local ref, n, c = its.refs[i], #refs, #claims
      fields[2 * n + 1], fields[2 * n + 2] = task, 'l|' .. tried .. rest
      leases[2 * n + 1], leases[2 * n + 2] = lease, ref
      refs[n + 1] = ref
      claims[c + 1], claims[c + 2] = number_of[job] .. '|' .. tried .. task, payloads[i] or false
      drawn[#drawn + 1] = ref
    end
  end
  if #refs == 0 then return end
  local lane = lane_of(j)
  taken[lane] = taken[lane] + #refs
  if j.stage.urgency == 0 then urgent = urgent + #refs end
  call('HSET', j.key .. ':tasks', unpack(fields))
  call('ZADD', Q .. ':leases', unpack(leases))
  call('SADD', j.busy, unpack(refs))
end

-- A ref may stand twice: a job that ended left it waiting, and was begun anew.
local function claim(refs, again)
  local of_job, order, seen = {}, {}, {}
  for _, ref in ipairs(refs) do
    local job, task = split_ref(ref)
    local its = of_job[job]
    if not its then
      its = {names = {}, refs = {}}
      of_job[job] = its
      order[#order + 1] = job
    end
    if not seen[ref] then
      its.names[#its.names + 1] = task
      its.refs[#its.refs + 1] = ref
      seen[ref] = true
    end
  end
  for _, job in ipairs(order) do guarded(job, claim_of_job, job, of_job[job], again) end
end

local function new_token()
  if token == '' then token = string.format('%.0f.%.0f-%s', call('INCR', Q .. ':fence'), NOW, worker) end
end

local latest = call('GET', Q .. ':turn:' .. worker)
local latest_number = latest and tonumber(string.match(latest, '^%d+')) or 0
-- One that comes late, from a connection that its worker has given up: nobody would hear what it draws.
local is_late = latest_number > tonumber(ARGV[3])
if is_late then want = {[COMPUTE] = 0, [IO] = 0} end

-- The answer of an earlier turn was lost: what that one drew, and nobody holds, is handed out now.
if ARGV[4] ~= '' and not is_late then
  local old_token, refs = string.match(latest or '', '^%d+\n([^\n]*)\n(.*)$')
  if old_token and latest_number > tonumber(ARGV[4]) then
    local lost = {}
    for ref in string.gmatch(refs, '[^\n]+') do lost[#lost + 1] = ref end
    new_token()
    claim(lost, old_token)
  end
end

-- What was handed out again comes on top of what is wanted.
taken, urgent = {[COMPUTE] = 0, [IO] = 0}, 0

-- true: there may be more behind refs of jobs that have ended, of which a turn passes over so many only.
local function draw_priority(lane, priority)
  for _ = 1, 20 do
    local n, n_urgent = want[lane] - taken[lane], lane == COMPUTE and want_urgent - urgent or 0
    if n <= 0 then return false end
    local refs = draw(lane, priority, n, n_urgent, false)
    if #refs == 0 and n_urgent > 0 then refs = draw(lane, priority, n, n_urgent, true) end
    if #refs == 0 then return false end
    claim(refs, nil)
  end
  return true
end

-- Interactive jobs before normal ones before bulk ones; in every eighth turn the other way round, so that nobody starves.
local function draw_lane(lane)
  new_token()
  local is_turned = tonumber(string.match(token, '^%d+')) % 8 == 0
  local is_cut = false
  for step = 0, 2 do is_cut = draw_priority(lane, is_turned and 2 - step or step) or is_cut end
  -- More than this worker takes: wake the next one, which does the same. Not when nothing could be drawn: shops that are
  -- at their cap or paused stay in the ring.
  local is_urgent_full = lane == COMPUTE and want_urgent > 0 and urgent >= want_urgent
  must_wake[lane] = must_wake[lane] or taken[lane] >= want[lane] or is_urgent_full or is_cut
end

for _, lane in ipairs(LANES) do
  if want[lane] > 0 and not is_paused and something_is_ready(lane) then draw_lane(lane) end
end
if is_paused then must_wake = {} end

if #drawn > 0 then
  call('SET', Q .. ':turn:' .. worker, ARGV[3] .. '\n' .. token .. '\n' .. table.concat(drawn, '\n'), 'PX',
       LIMIT.lease_ms + 5000)
end
finish()
return {table.concat(verdicts), token, told_jobs, claims}
