-- Put before every script. KEYS[1] is the queue's name in braces, "{bundles}": all keys of a queue share its slot.
-- ARGV[1] holds the limits, "lease_ms=10000 attempts=3 ...". Payloads and results are opaque bytes here.
local Q = KEYS[1]
local LIMIT = {}
for name, value in string.gmatch(ARGV[1], '([%w_]+)=(%d+)') do LIMIT[name] = tonumber(value) end
local clock = redis.call('TIME')
local NOW = clock[1] * 1000 + math.floor(clock[2] / 1000)
local call = redis.call

local must_wake = false -- something became ready
local stepped = {}      -- jobs of which a task ended while others are open: one event each, at the end

local function job_key(job) return Q .. ':job:' .. job end
local function expire(key, ms) call('PEXPIRE', key, ms) end
local function count(what) call('HINCRBY', Q .. ':stats', what, 1) end

-- A task's record in <job>:tasks: state w(aiting) d(elayed) l(eased) e(nded) f(ailed), attempts, crashes, the time past
-- which its lease is not renewed, and the token of its last claim.
local function task_get(job, task)
  local text = call('HGET', job_key(job) .. ':tasks', task)
  if not text then return nil end
  local state, attempts, crashes, til, token = string.match(text, '^(%a)|(%d+)|(%d+)|(%d+)|(.*)$')
  return {state = state, attempts = tonumber(attempts), crashes = tonumber(crashes), til = tonumber(til), token = token}
end

local function task_set(job, task, r)
  call('HSET', job_key(job) .. ':tasks', task,
       string.format('%s|%d|%d|%.0f|%s', r.state, r.attempts, r.crashes, r.til, r.token))
end

local function job_get(job)
  local f = call('HMGET', job_key(job), 'state', 'shop', 'upload', 'plan', 'stage', 'total', 'counts')
  if not f[1] then return nil end
  local plan = cjson.decode(f[4])
  return {id = job, state = f[1], shop = f[2], upload = f[3], plan = plan, at = tonumber(f[5]),
          stage = plan[tonumber(f[5])], total = tonumber(f[6]), counts = f[7]}
end

local function split_ref(ref) return string.match(ref, '^([^/]+)/(.+)$') end

-- One event: the job's progress hash, its bounded log and two channels. seq has no gap and progress never goes back,
-- because this is the only place that writes them.
local function emit(job, status, step, progress, message, bundles)
  local key = job_key(job)
  local f = call('HMGET', key, 'upload', 'shop', 'progress', 'created', 'bundles', 'counts')
  progress = math.floor(math.max(progress, tonumber(f[3])))
  if not bundles or bundles == '' then bundles = f[5] end
  local seq = call('HINCRBY', key, 'seq', 1)
  local elapsed = NOW - tonumber(f[4])
  local eta = 'null'
  if progress >= 100 then eta = '0'
  elseif progress >= 5 then eta = string.format('%.0f', elapsed * (100 - progress) / progress) end
  local event = string.format(
    '{"v":1,"job":%s,"upload":%s,"shop":%s,"seq":%d,"status":"%s","step":"%s","progress":%d,"message":%s,' ..
    '"bundles":%s,%s,"elapsed_ms":%.0f,"eta_ms":%s,"ts":%.0f}',
    cjson.encode(job), cjson.encode(f[1]), cjson.encode(f[2]), seq, status, step, progress, cjson.encode(message),
    bundles, f[6], elapsed, eta, NOW)
  call('HSET', key, 'status', status, 'progress', progress, 'bundles', bundles)
  local channel = Q .. ':progress:' .. f[1]
  call('HSET', channel, 'job', job, 'seq', seq, 'status', status, 'step', step, 'progress', progress,
       'message', message, 'event', event)
  call('XADD', key .. ':log', 'MAXLEN', '~', LIMIT.log_max, '*', 'event', event)
  call('PUBLISH', channel, event)
  call('PUBLISH', Q .. ':progress', event)
end

local function set_counts(j, stage, done, total)
  j.counts = string.gsub(j.counts, '"' .. stage .. '_done":%d+', '"' .. stage .. '_done":' .. done)
  j.counts = string.gsub(j.counts, '"' .. stage .. '_total":%d+', '"' .. stage .. '_total":' .. total)
  call('HSET', job_key(j.id), 'counts', j.counts)
end

-- Ready tasks wait in one list per class and shop; the ring of a class names each shop with a non-empty list once.
local function push(j, task, class, at_head)
  local length = call(at_head and 'LPUSH' or 'RPUSH', Q .. ':ready:' .. class .. ':' .. j.shop, j.id .. '/' .. task)
  if length == 1 then call('RPUSH', Q .. ':ring:' .. class, j.shop) end
  must_wake = true
end

local function unlease(j, ref)
  call('ZREM', Q .. ':leases', ref)
  call('SREM', Q .. ':busy:' .. j.shop, ref)
end

-- The terminal event, once: only an open job can end. What is kept is kept for a while; waiting refs are dropped when
-- somebody draws them.
local function job_end(j, status, message, reason)
  if j.state ~= 'open' then return end
  j.state = status
  local key = job_key(j.id)
  call('HSET', key, 'state', status, 'reason', reason or '')
  for _, task in ipairs(call('SMEMBERS', key .. ':open')) do
    local ref = j.id .. '/' .. task
    unlease(j, ref)
    call('ZREM', Q .. ':delayed', ref)
  end
  emit(j.id, status, status == 'final' and 'done' or j.stage.name, status == 'final' and 100 or 0, message)
  call('ZREM', Q .. ':deadlines', j.id)
  call('DEL', key .. ':open', key .. ':results')
  call('HDEL', key, 'payload')
  for _, name in ipairs({key, key .. ':tasks', key .. ':log', Q .. ':progress:' .. j.upload, Q .. ':upload:' .. j.upload}) do
    expire(name, LIMIT.keep_ms)
  end
  stepped[j.id] = nil
  count('jobs_' .. status)
end

-- Opens stage number `at` with the given tasks ({name, payload} ...; a stage that does not split has one task, named like
-- itself). A split stage without tasks is passed over; past the last stage the job is final.
local function stage_open(j, at, tasks, message)
  local key = job_key(j.id)
  while j.plan[at] and j.plan[at].split and #tasks == 0 do at = at + 1 end
  local stage = j.plan[at]
  if not stage then return job_end(j, 'final', message, '') end
  if not stage.split then tasks = {{stage.name, ''}} end
  j.at, j.stage, j.total = at, stage, #tasks
  call('HSET', key, 'stage', at, 'total', #tasks)
  for _, task in ipairs(tasks) do
    call('SADD', key .. ':open', task[1])
    task_set(j.id, task[1], {state = 'w', attempts = 0, crashes = 0, til = 0, token = ''})
    if task[2] ~= '' then call('HSET', key .. ':tasks', 'payload:' .. task[1], task[2]) end
    push(j, task[1], stage.class, false)
  end
  expire(key .. ':open', LIMIT.life_ms)
  expire(key .. ':tasks', LIMIT.life_ms)
  if stage.split then set_counts(j, stage.name, 0, #tasks) end
  if at > 1 then emit(j.id, 'running', stage.name, stage.from, stage.message) end
end

-- Every way a task can end comes through here, and joins: the last open task of a stage opens the next one.
local function task_end(j, task, r, is_ok, result, message, reason, more)
  local key = job_key(j.id)
  r.state = is_ok and 'e' or 'f'
  task_set(j.id, task, r)
  unlease(j, j.id .. '/' .. task)
  call('ZREM', Q .. ':delayed', j.id .. '/' .. task)
  call('SREM', key .. ':open', task)
  count(is_ok and 'tasks_done' or 'tasks_failed')
  if is_ok then
    -- What a stage of one task leaves replaces all that it was made from.
    if not j.stage.split then call('DEL', key .. ':results') end
    call('HSET', key .. ':results', task, result)
    expire(key .. ':results', LIMIT.life_ms)
  else
    call('HSET', key .. ':tasks', 'error:' .. task, reason)
    if j.stage.required then return job_end(j, 'failed', message, reason) end
    local failed = call('HGET', key, 'failed')
    local entry = '{"task":' .. cjson.encode(task) .. ',"reason":' .. cjson.encode(reason) .. '}'
    call('HSET', key, 'failed', failed and (string.sub(failed, 1, -2) .. ',' .. entry .. ']') or ('[' .. entry .. ']'))
  end
  local open = call('SCARD', key .. ':open')
  if j.stage.split then set_counts(j, j.stage.name, j.total - open, j.total) end
  if open == 0 then
    stepped[j.id] = nil
    return stage_open(j, j.at + 1, more, message)
  end
  stepped[j.id] = {j = j, done = j.total - open}
end

-- Back to the queue later (an error, or something away) or to its head at once (handed back).
local function task_delay(j, task, r, ms)
  r.state = 'd'
  r.token = ''
  task_set(j.id, task, r)
  unlease(j, j.id .. '/' .. task)
  call('ZADD', Q .. ':delayed', NOW + ms, j.id .. '/' .. task)
end

local function task_requeue(j, task, r)
  r.state = 'w'
  r.token = ''
  task_set(j.id, task, r)
  unlease(j, j.id .. '/' .. task)
  push(j, task, j.stage.class, true)
end

-- attempts counts what has failed so far; jitter_pct comes from the caller (0..100).
local function task_retry(j, task, r, message, reason, jitter_pct)
  r.attempts = r.attempts + 1
  call('HSET', job_key(j.id) .. ':tasks', 'error:' .. task, reason)
  if r.attempts >= LIMIT.attempts then return task_end(j, task, r, false, '', message, reason, {}) end
  local ms = LIMIT.retry_ms * 2 ^ (r.attempts - 1)
  task_delay(j, task, r, math.floor(ms / 2 + ms * jitter_pct / 200))
end

local function finish()
  for job, s in pairs(stepped) do
    local stage = s.j.stage
    emit(job, 'running', stage.name, stage.from + (stage.to - stage.from) * s.done / s.j.total,
         string.format('%s: %d of %d', stage.message, s.done, s.j.total))
  end
  if must_wake and call('LLEN', Q .. ':wake') == 0 then call('RPUSH', Q .. ':wake', '1') end
end
