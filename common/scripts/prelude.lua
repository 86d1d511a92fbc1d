-- Put before every script. KEYS[1] is the queue's name in braces, "{bundles}": all keys of a queue share its slot.
-- ARGV[1] holds the limits, " lease_ms=10000 attempts=3 ...". Payloads and results are opaque bytes here.
local Q, call = KEYS[1], redis.call
local clock = call('TIME')
local NOW = clock[1] * 1000 + math.floor(clock[2] / 1000)
local NOW_TEXT = string.format('%.0f', NOW)
local NEVER = 9000000000000000
local CHUNK = 1000 -- arguments of one command; Lua's stack holds some thousands

local LIMIT = setmetatable({}, {__index = function(t, name)
  t[name] = tonumber(string.match(ARGV[1], ' ' .. name .. '=(%d+)'))
  return t[name]
end})

local jobs = {}      -- each job is read once per call, and written once, by finish()
local must_wake = {}  -- lane -> something became ready there
local counted = {}

local function count(what, n) counted[what] = (counted[what] or 0) + (n or 1) end

-- Redis refuses a script its first write when memory is full, unless that write frees some: what ends work goes on
-- then, what brings new work does not.
local function even_when_full() call('DEL', Q .. ':none') end

local function only_with_room() call('ZADD', Q .. ':none', 'XX', 0, '') end

-- Whose upload it is belongs to its name: a run_id is unique in its shop only.
local function address(shop, upload)
  return string.gsub(shop, '[%%:]', {['%'] = '%25', [':'] = '%3A'}) .. ':' .. upload
end

local function split_ref(ref) return string.match(ref, '^([^/]+)/(.+)$') end

local function each_chunk(list, run)
  for from = 1, #list, CHUNK do run(unpack(list, from, math.min(from + CHUNK - 1, #list))) end
end

-- A task's record in <job>:tasks: state w(aiting) d(elayed) l(eased) e(nded) f(ailed), attempts, crashes, the time past
-- which its lease is not renewed (ended: when it ended), when it was last drawn, and the token of that draw.
local function record_read(text)
  if not text then return nil end
  local state, attempts, crashes, til, begun, token = string.match(text, '^(%a)|(%d+)|(%d+)|(%d+)|(%d+)|(.*)$')
  return {state = state, attempts = tonumber(attempts), crashes = tonumber(crashes), til = tonumber(til),
          begun = tonumber(begun), token = token}
end

local function record_text(r)
  return string.format('%s|%d|%d|%.0f|%.0f|%s', r.state, r.attempts, r.crashes, r.til, r.begun, r.token)
end

-- The same for a whole turn's tasks, which have most of it in common: no table, no numbers.
-- "e|..." for the record of a task that is leased with this token; nil: it is not.
local function record_ended(text, token)
  local tried, drawn = string.match(text or '', '^l|(%d+|%d+|)%d+(|.*)$')
  if tried and string.sub(drawn, -#token) == token and string.byte(drawn, -#token - 1) == 124 then -- "|"
    return 'e|' .. tried .. NOW_TEXT .. drawn
  end
end

-- "2|0|": attempts and crashes of a task that waits; nil: it does not.
local function record_waiting(text) return string.match(text or '', '^w|(%d+|%d+|)') end

local function task_get(j, task) return record_read(call('HGET', j.key .. ':tasks', task)) end
local function task_set(j, task, r) call('HSET', j.key .. ':tasks', task, record_text(r)) end

-- A stage is a line: name|urgency|from|to|split|required|timeout_ms|message.
local function stage_read(line)
  local name, urgency, from, to, split, required, timeout_ms, message =
    string.match(line or '', '^([^|]*)|(%d)|(%d+)|(%d+)|(%d)|(%d)|(%d+)|(.*)$')
  if not name then return nil end
  return {name = name, urgency = tonumber(urgency), from = tonumber(from), to = tonumber(to), split = split == '1',
          required = required == '1', timeout_ms = tonumber(timeout_ms), message = message}
end

local function job_get(job)
  local j = jobs[job]
  if j == nil then
    local key = Q .. ':job:' .. job
    local f = call('HMGET', key, 'state', 'shop', 'upload', 'priority', 'at', 'stage', 'total', 'counts', 'progress',
                   'status', 'bundles', 'seq', 'created', 'started')
    j = f[1] and {id = job, key = key, state = f[1], shop = f[2], upload = f[3], address = address(f[2], f[3]),
                  priority = tonumber(f[4]), at = tonumber(f[5]), stage = stage_read(f[6]), total = tonumber(f[7]),
                  counts = f[8], progress = tonumber(f[9]), status = f[10], bundles = tonumber(f[11]),
                  seq = tonumber(f[12]), created = tonumber(f[13]), is_begun = f[14] and true,
                  busy = Q .. ':busy:' .. f[2], changed = {}}
    jobs[job] = j or false
  end
  return j or nil
end

-- What keys that somebody has spoilt make of a script; any other error is Redis' own trouble, and stays one.
local function spoilt(cause)
  local text = type(cause) == 'table' and cause.err or tostring(cause)
  if string.find(text, 'WRONGTYPE', 1, true) or string.find(text, 'attempt to', 1, true) or
     string.find(text, 'bad argument', 1, true) then
    return text
  end
  error(cause)
end

-- One job whose keys are spoilt costs that job, not the queue: its keys go, and the dead have the reason. What its upload
-- is owed, PostgreSQL still knows.
local function guarded(job, run, ...)
  local ok, cause = pcall(run, ...)
  if ok then return end
  local text = spoilt(cause)
  local key = Q .. ':job:' .. job
  jobs[job] = false
  call('DEL', key, key .. ':open', key .. ':tasks', key .. ':results', key .. ':log')
  call('ZREM', Q .. ':open', job)
  call('XADD', Q .. ':dead', 'MAXLEN', LIMIT.dead_max, '*', 'kind', 'broken', 'reason', text, 'shop', '', 'upload', '',
       'job', job, 'stage', '', 'task', '', 'bytes', 0, 'payload', '')
  count('jobs_broken')
end

local function job_set(j, field, value)
  local c = j.changed
  c[#c + 1] = field
  c[#c + 1] = value
end

-- One event: the progress hash of the upload, the job's bounded log and two channels. seq has no gap and progress never
-- goes back, because this is the only place that writes them.
local function emit(j, status, step, progress, message)
  j.progress = math.floor(math.max(progress, j.progress))
  j.seq = j.seq + 1
  j.status = status
  local elapsed = NOW - j.created
  local eta = 'null'
  if j.progress >= 100 then eta = '0'
  elseif j.progress >= 5 then eta = string.format('%.0f', elapsed * (100 - j.progress) / j.progress) end
  local event = string.format(
    '{"v":1,"job":%s,"upload":%s,"shop":%s,"seq":%d,"status":"%s","step":"%s","progress":%d,"message":%s,' ..
    '"bundles":%d,%s"elapsed_ms":%.0f,"eta_ms":%s,"ts":%.0f}',
    cjson.encode(j.id), cjson.encode(j.upload), cjson.encode(j.shop), j.seq, status, step, j.progress,
    cjson.encode(message), j.bundles, j.counts, elapsed, eta, NOW)
  local channel = Q .. ':progress:' .. j.address
  call('HSET', channel, 'job', j.id, 'seq', j.seq, 'status', status, 'step', step, 'progress', j.progress,
       'message', message, 'event', event)
  call('XADD', j.key .. ':log', 'MAXLEN', '~', LIMIT.log_max, '*', 'event', event)
  call('PUBLISH', channel, event)
  call('PUBLISH', Q .. ':progress', event)
  job_set(j, 'status', status)
  job_set(j, 'progress', j.progress)
  job_set(j, 'bundles', j.bundles)
  job_set(j, 'seq', j.seq)
end

local function set_counts(j, done, total)
  local stage = j.stage.name
  j.counts = string.gsub(j.counts, '"' .. stage .. '_done":%d+', '"' .. stage .. '_done":' .. done)
  j.counts = string.gsub(j.counts, '"' .. stage .. '_total":%d+', '"' .. stage .. '_total":' .. total)
  job_set(j, 'counts', j.counts)
end

-- Ready tasks wait in one list per class and shop; the ring of a lane and priority names each shop that has any there,
-- once. Two lanes, of which neither sees the other's rings, lists and wake marker: tasks that compute (three classes a
-- priority: 0 ends what has begun, 1 begins a job, 2 is one of many), and tasks that wait for somebody else (one).
local COMPUTE = {first_class = 0, classes = 3, first_ring = 0, wake = Q .. ':wake'}
local IO = {first_class = 9, classes = 1, first_ring = 3, wake = Q .. ':wake:io'}
local LANES = {COMPUTE, IO}

local function lane_of(j) return j.stage.urgency == 2 and IO or COMPUTE end
local function class_of(j)
  local lane = lane_of(j)
  local of_priority = lane == IO and 0 or j.stage.urgency > 0 and 2 or j.is_begun and 0 or 1
  return lane.first_class + lane.classes * j.priority + of_priority
end
local function ready_list(class, shop) return Q .. ':ready:' .. class .. ':' .. shop end
local function ready_lists(lane, priority, shop)
  local lists, first = {}, lane.first_class + lane.classes * priority
  for i = 1, lane.classes do lists[i] = ready_list(first + i - 1, shop) end
  return lists
end
local function ring_of(lane, priority) return Q .. ':ring:' .. lane.first_ring + priority end

local function push(j, refs, at_head)
  local lane, class, length = lane_of(j), class_of(j), 0
  each_chunk(refs, function(...) length = call(at_head and 'LPUSH' or 'RPUSH', ready_list(class, j.shop), ...) end)
  if length == #refs then -- its first; the shop may be in the ring for others
    local there = call('EXISTS', unpack(ready_lists(lane, j.priority, j.shop)))
    if there == 1 then call('RPUSH', ring_of(lane, j.priority), j.shop) end
  end
  must_wake[lane] = true
end

local function unlease(j, refs)
  each_chunk(refs, function(...)
    call('ZREM', Q .. ':leases', ...)
    call('SREM', j.busy, ...)
  end)
end

-- What came to nothing, with all that it takes to ask again.
local function bury(kind, reason, shop, upload, payload, job, stage, task)
  local bytes = #payload
  if bytes > LIMIT.payload_max then payload = string.sub(payload, 1, LIMIT.payload_max) end
  call('XADD', Q .. ':dead', 'MAXLEN', LIMIT.dead_max, '*', 'kind', kind, 'reason', reason, 'shop', shop, 'upload', upload,
       'job', job, 'stage', stage, 'task', task, 'bytes', bytes, 'payload', payload)
end

-- A message that no job came of.
local function reject(payload, reason, shop, upload, job)
  bury('rejected', reason, shop, upload, payload, job, '', '')
  count('jobs_rejected')
  local event = string.format('{"v":1,"job":%s,"upload":%s,"shop":%s,"status":"rejected","message":%s,"ts":%.0f}',
                              job == '' and 'null' or cjson.encode(job), cjson.encode(upload), cjson.encode(shop),
                              cjson.encode(reason), NOW)
  if upload ~= '' then call('PUBLISH', Q .. ':progress:' .. address(shop, upload), event) end
  call('PUBLISH', Q .. ':progress', event)
end

local function bury_job(j, kind, reason, task)
  bury(kind, reason, j.shop, j.upload, call('HGET', j.key, 'payload') or '', j.id, j.stage.name, task)
end

-- Of ended jobs only so many are kept, and only so long.
local function job_forget(job)
  local key = Q .. ':job:' .. job
  local f = call('HMGET', key, 'state', 'shop', 'upload')
  if f[1] == 'open' then return end
  if f[1] then
    local name = address(f[2], f[3])
    if call('GET', Q .. ':upload:' .. name) == job then
      call('DEL', Q .. ':upload:' .. name, Q .. ':progress:' .. name)
    end
  end
  call('DEL', key, key .. ':tasks', key .. ':log')
  jobs[job] = nil -- nothing of it is written any more
end

-- What tasks of I/O were told is of no use once they have ended, and it is much: all that they are to write about.
local function drop_payloads(j, names)
  if lane_of(j) ~= IO then return end
  local fields = {}
  for i, task in ipairs(names) do fields[i] = 'payload:' .. task end
  each_chunk(fields, function(...) call('HDEL', j.key .. ':tasks', ...) end)
end

-- The terminal event, once: only an open job can end. Refs that still wait are dropped when somebody draws them.
local function job_end(j, status, message, reason)
  if j.state ~= 'open' then return end
  j.state = status
  j.stepped = nil
  local refs = call('SMEMBERS', j.key .. ':open')
  drop_payloads(j, refs)
  for i, task in ipairs(refs) do refs[i] = j.id .. '/' .. task end
  unlease(j, refs)
  each_chunk(refs, function(...) call('ZREM', Q .. ':delayed', ...) end)
  call('ZREM', Q .. ':open', j.id)
  call('DEL', j.key .. ':open', j.key .. ':results')
  job_set(j, 'state', status)
  job_set(j, 'message', message)
  job_set(j, 'reason', reason)
  job_set(j, 'ended', NOW)
  emit(j, status, status == 'final' and 'done' or j.stage.name, status == 'final' and 100 or 0, message)
  for _, name in ipairs({j.key, j.key .. ':tasks', j.key .. ':log', Q .. ':progress:' .. j.address,
                         Q .. ':upload:' .. j.address}) do
    call('PEXPIRE', name, LIMIT.keep_ms)
  end
  if status ~= 'final' then call('ZADD', Q .. ':ended', NOW, j.id) end
  call('ZADD', Q .. ':kept', NOW, j.id)
  local too_many = call('ZCARD', Q .. ':kept') - LIMIT.jobs_kept
  if too_many > 0 then
    local oldest = call('ZPOPMIN', Q .. ':kept', math.min(too_many, 2))
    for i = 1, #oldest, 2 do
      if oldest[i] ~= j.id then job_forget(oldest[i]) end
    end
  end
  count('jobs_' .. status)
end

-- Opens stage number `at` with the given tasks ({name, payload} ...; a stage that does not split has one task, named like
-- itself) and what they share. A split stage without tasks is passed over; past the last stage the job is final.
local function stage_open(j, at, tasks, shared, message)
  local plan, stage = {}, nil
  for line in string.gmatch(call('HGET', j.key, 'plan'), '[^\n]+') do plan[#plan + 1] = line end
  repeat
    stage = stage_read(plan[at])
    local is_passed = stage and stage.split and #tasks == 0
    if is_passed then at = at + 1 end
  until not is_passed
  if not stage then return job_end(j, 'final', message, '') end
  if not stage.split then tasks = {{stage.name, ''}} end
  local names, refs, fields = {}, {}, {}
  local fresh = record_text({state = 'w', attempts = 0, crashes = 0, til = 0, begun = 0, token = ''})
  for i, task in ipairs(tasks) do
    names[i] = task[1]
    refs[i] = j.id .. '/' .. task[1]
    fields[#fields + 1] = task[1]
    fields[#fields + 1] = fresh
    if task[2] ~= '' then
      fields[#fields + 1] = 'payload:' .. task[1]
      fields[#fields + 1] = task[2]
    end
  end
  j.at, j.stage, j.total, j.shared, j.stepped = at, stage, #tasks, shared, nil
  job_set(j, 'at', at)
  job_set(j, 'stage', plan[at])
  job_set(j, 'shared', shared)
  job_set(j, 'total', #tasks)
  each_chunk(names, function(...) call('SADD', j.key .. ':open', ...) end)
  each_chunk(fields, function(...) call('HSET', j.key .. ':tasks', ...) end)
  call('PEXPIRE', j.key .. ':open', LIMIT.life_ms)
  call('PEXPIRE', j.key .. ':tasks', LIMIT.life_ms)
  if stage.split then set_counts(j, 0, #tasks) end
  if at > 1 then emit(j, 'running', stage.name, stage.from, stage.message) end
  return refs
end

-- Every way a task can end comes through here, and joins: the last open task of a stage opens the next one.
-- names, refs: of the tasks; records: name, record, ...; results: name, result, ... of those that have one.
local function tasks_end(j, names, refs, records, results, more, shared, message)
  call('HSET', j.key .. ':tasks', unpack(records))
  unlease(j, refs)
  call('SREM', j.key .. ':open', unpack(names))
  drop_payloads(j, names)
  if #results > 0 then
    -- What a stage of one task leaves replaces all that it was made from.
    if not j.stage.split then call('DEL', j.key .. ':results') end
    call('HSET', j.key .. ':results', unpack(results))
    call('PEXPIRE', j.key .. ':results', LIMIT.life_ms)
  end
  local open = call('SCARD', j.key .. ':open')
  if j.stage.split then set_counts(j, j.total - open, j.total) end
  if open > 0 then
    j.stepped = j.total - open
    return
  end
  local ready = stage_open(j, j.at + 1, more, shared, message)
  if ready then push(j, ready, false) end
end

local function task_fail(j, task, r, kind, message, reason)
  count('tasks_failed')
  call('HSET', j.key .. ':tasks', 'error:' .. task, reason)
  if kind then bury_job(j, kind, reason, task) end
  r.state, r.til = 'f', NOW
  if j.stage.required then
    task_set(j, task, r)
    return job_end(j, 'failed', message, reason)
  end
  call('ZREM', Q .. ':delayed', j.id .. '/' .. task)
  local failed = call('HGET', j.key, 'failed')
  local entry = '{"task":' .. cjson.encode(task) .. ',"reason":' .. cjson.encode(reason) .. '}'
  call('HSET', j.key, 'failed', failed and (string.sub(failed, 1, -2) .. ',' .. entry .. ']') or ('[' .. entry .. ']'))
  tasks_end(j, {task}, {j.id .. '/' .. task}, {task, record_text(r)}, {}, {}, '', message)
end

-- Back to the queue later (an error, or something away) or to its head at once (handed back).
local function task_delay(j, task, r, ms)
  r.state, r.token = 'd', ''
  task_set(j, task, r)
  unlease(j, {j.id .. '/' .. task})
  call('ZADD', Q .. ':delayed', NOW + ms, j.id .. '/' .. task)
end

local function task_requeue(j, task, r)
  r.state, r.token = 'w', ''
  task_set(j, task, r)
  unlease(j, {j.id .. '/' .. task})
  push(j, {j.id .. '/' .. task}, true)
end

-- attempts counts what has failed so far; jitter_pct comes from the caller (0..100).
local function task_retry(j, task, r, message, reason, jitter_pct)
  r.attempts = r.attempts + 1
  if r.attempts >= LIMIT.attempts then
    r.token = '' -- whoever holds it has lost it
    return task_fail(j, task, r, 'failed', message, reason)
  end
  call('HSET', j.key .. ':tasks', 'error:' .. task, reason)
  local ms = LIMIT.retry_ms * 2 ^ (r.attempts - 1)
  task_delay(j, task, r, math.floor(ms / 2 + ms * jitter_pct / 200))
end

local function task_time_out(j, task, r, jitter_pct)
  count('timeouts')
  task_retry(j, task, r, 'A step took too long', 'timed out after ' .. j.stage.timeout_ms .. ' ms', jitter_pct)
end

-- Is there anything on this lane that a worker could draw?
local function something_is_ready(lane)
  return call('EXISTS', ring_of(lane, 0), ring_of(lane, 1), ring_of(lane, 2)) > 0
end

local function finish()
  for _, j in pairs(jobs) do
    if j and j.stepped then
      local s = j.stage
      emit(j, 'running', s.name, s.from + (s.to - s.from) * j.stepped / j.total,
           string.format('%s: %d of %d', s.message, j.stepped, j.total))
    end
    if j and #j.changed > 0 then call('HSET', j.key, unpack(j.changed)) end
  end
  for what, n in pairs(counted) do
    call('HINCRBY', Q .. ':stats', what, n)
  end
  for _, lane in ipairs(LANES) do
    if must_wake[lane] and call('LLEN', lane.wake) == 0 and something_is_ready(lane) then
      call('RPUSH', lane.wake, '1')
    end
  end
end
