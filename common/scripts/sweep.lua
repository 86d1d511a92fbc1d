-- What time brings, a bounded portion of it; every worker runs this, none leads.
-- ARGV 2 jitter (0..100)
-- Returns {messages that wait in the intake (their worker may have died before admitting them)},
--         {{job, shop, upload, state, message, reason} ...: ended jobs whose end this worker is to write to PostgreSQL},
--         {what was found wrong and mended}
even_when_full()
local jitter = tonumber(ARGV[2])

-- Retries that are due, and jobs whose time has come.
local function make_ready(ref, job, task)
  local j = job_get(job)
  local r = j and task_get(j, task)
  if r and r.state == 'd' and j.state == 'open' then
    r.state = 'w'
    task_set(j, task, r)
    push(j, {ref}, false)
  end
end

for _, ref in ipairs(call('ZRANGEBYSCORE', Q .. ':delayed', '-inf', NOW, 'LIMIT', 0, 500)) do
  call('ZREM', Q .. ':delayed', ref)
  local job, task = split_ref(ref)
  if job then guarded(job, make_ready, ref, job, task) end
end

-- Nobody has swept for a while: Redis was away, frozen or new, or all workers were. Those that live get a moment to say
-- so before their leases count as run out.
local swept = tonumber(call('GET', Q .. ':swept') or 0)
call('SET', Q .. ':swept', NOW, 'PX', 86400000)
if NOW - swept > LIMIT.lease_ms * 0.3 then
  local grace, leases = NOW + math.floor(LIMIT.lease_ms * 0.4), {}
  for _, ref in ipairs(call('ZRANGEBYSCORE', Q .. ':leases', '-inf', grace, 'LIMIT', 0, 10000)) do
    leases[#leases + 1] = grace
    leases[#leases + 1] = ref
  end
  each_chunk(leases, function(...) call('ZADD', Q .. ':leases', ...) end)
end

-- Leases that ran out: the worker died, or the task is past its own time limit.
local function take_over(ref, job, task)
  local j = job_get(job)
  local r = j and task_get(j, task)
  if j then call('SREM', j.busy, ref) end
  if r and r.state == 'l' and j.state == 'open' then
    if r.til <= NOW then
      task_time_out(j, task, r, jitter)
    else
      count('crashes')
      r.crashes = r.crashes + 1
      if r.crashes >= LIMIT.crashes then
        r.token = '' -- whoever holds it has lost it
        task_fail(j, task, r, 'poison', 'A step failed repeatedly', 'poison: ' .. r.crashes .. ' workers died on it')
      else
        task_requeue(j, task, r)
      end
    end
  end
end

for _, ref in ipairs(call('ZRANGEBYSCORE', Q .. ':leases', '-inf', NOW, 'LIMIT', 0, 100)) do
  call('ZREM', Q .. ':leases', ref)
  local job, task = split_ref(ref)
  if job then guarded(job, take_over, ref, job, task) end
end

-- Jobs past their deadline end with what is there: what is still open of an optional stage is given up, what follows gets
-- half the time again. A job that has nothing yet, or overruns that too, fails. Where it is paused, time stands still.
local function is_paused(j)
  return call('HEXISTS', Q .. ':paused', '*') == 1 or call('HEXISTS', Q .. ':paused', ':' .. j.shop) == 1
end

local function past_deadline(job)
  local j = job_get(job)
  local half_more = string.format('%.0f', NOW + math.floor(LIMIT.deadline_ms / 2))
  if not j or j.state ~= 'open' then
    call('ZREM', Q .. ':open', job)
  elseif is_paused(j) then
    call('ZADD', Q .. ':open', half_more, job)
  elseif j.at == 1 or call('HSETNX', j.key, 'partial', 1) == 0 then
    bury_job(j, 'failed', 'job deadline', '')
    job_end(j, 'failed', 'This took too long and was stopped', 'job deadline')
  else
    call('ZADD', Q .. ':open', half_more, job)
    if not j.stage.required then
      for _, task in ipairs(call('SMEMBERS', j.key .. ':open')) do
        local r = task_get(j, task)
        r.token = ''
        task_fail(j, task, r, nil, '', 'job deadline')
      end
    end
  end
end

for _, job in ipairs(call('ZRANGEBYSCORE', Q .. ':open', '-inf', NOW, 'LIMIT', 0, 20)) do
  guarded(job, past_deadline, job)
end

-- What must always hold, of a job: it lives; each of its open tasks is waiting, delayed or leased; a stage without open
-- tasks is over.
local mended = {}
local function mend(j, task, what)
  mended[#mended + 1] = j.id .. '/' .. task .. ': ' .. what
  count('mended')
end

local function look_at_task(j, task)
  local ref = j.id .. '/' .. task
  local r = task_get(j, task)
  if not r or r.state == 'e' or r.state == 'f' then
    mend(j, task, 'open, but not in its tasks')
    call('SREM', j.key .. ':open', task)
  elseif r.state == 'l' and not call('ZSCORE', Q .. ':leases', ref) then
    mend(j, task, 'leased by nobody')
    task_requeue(j, task, r)
  elseif r.state == 'd' and not call('ZSCORE', Q .. ':delayed', ref) then
    mend(j, task, 'delayed for ever')
    task_requeue(j, task, r)
  elseif r.state == 'w' then
    if not call('LPOS', ready_list(class_of(j), j.shop), ref) then
      mend(j, task, 'waiting nowhere')
      push(j, {ref}, true)
    elseif not call('LPOS', ring_of(lane_of(j), j.priority), j.shop) then
      mend(j, task, 'its shop is not in the ring')
      call('RPUSH', ring_of(lane_of(j), j.priority), j.shop)
      must_wake[lane_of(j)] = true
    end
  end
end

local function look_at(job)
  local j = job_get(job)
  if not j or j.state ~= 'open' then
    call('ZREM', Q .. ':open', job)
    return
  end
  for _, name in ipairs({j.key, j.key .. ':open', j.key .. ':tasks', j.key .. ':results', j.key .. ':log',
                         Q .. ':progress:' .. j.address, Q .. ':upload:' .. j.address}) do
    local ttl = call('PTTL', name)
    if ttl > -2 and ttl < LIMIT.life_ms / 2 then call('PEXPIRE', name, LIMIT.life_ms) end
  end
  for _, task in ipairs(call('SRANDMEMBER', j.key .. ':open', 16)) do look_at_task(j, task) end
  for _, ref in ipairs(call('SRANDMEMBER', j.busy, 16)) do
    if not call('ZSCORE', Q .. ':leases', ref) then call('SREM', j.busy, ref) end
  end
  if j.state == 'open' and call('SCARD', j.key .. ':open') == 0 then
    mend(j, j.stage and j.stage.name or '', 'a stage without open tasks did not end')
    local refs = stage_open(j, j.at + 1, {}, '', '')
    if refs then push(j, refs, false) end
  end
end

for _, job in ipairs(call('ZRANDMEMBER', Q .. ':open', 2)) do guarded(job, look_at, job) end
-- What waits in the intake is read by the one that asks; one that is too large for any worker is put aside here.
local waiting = {}
for _ = 1, 16 do
  local message = call('LINDEX', Q .. ':intake', #waiting)
  if not message then break end
  if #message > LIMIT.payload_max then
    call('LSET', Q .. ':intake', #waiting, '') -- so that removing it needs no copy of it
    call('LREM', Q .. ':intake', 1, '')
    reject(message, 'the job has ' .. #message .. ' bytes, more than queue.payload_bytes_max = ' .. LIMIT.payload_max, '',
           '', '')
  else
    waiting[#waiting + 1] = message
  end
end
call('ZREMRANGEBYSCORE', Q .. ':workers', '-inf', NOW)
call('ZREMRANGEBYSCORE', Q .. ':kept', '-inf', string.format('%.0f', NOW - LIMIT.keep_ms))
finish()

-- Each end is told by one worker; one that does not get there is followed by another.
local ends = {}
for _, job in ipairs(call('ZRANGEBYSCORE', Q .. ':ended', '-inf', NOW, 'LIMIT', 0, 16)) do
  local f = call('HMGET', Q .. ':job:' .. job, 'shop', 'upload', 'state', 'message', 'reason')
  if f[1] then
    call('ZADD', Q .. ':ended', NOW + 10000, job)
    ends[#ends + 1] = {job, f[1], f[2], f[3], f[4], f[5]}
  else
    call('ZREM', Q .. ':ended', job)
  end
end

return {waiting, ends, mended}
