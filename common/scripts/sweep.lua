-- What time brings, a bounded portion of it; every worker runs this, none leads. ARGV 2 jitter (0..100)
-- Returns messages that wait in the intake (their worker may have died before admitting them).
local jitter = tonumber(ARGV[2])

-- Retries that are due.
for _, ref in ipairs(call('ZRANGEBYSCORE', Q .. ':delayed', '-inf', NOW, 'LIMIT', 0, 100)) do
  call('ZREM', Q .. ':delayed', ref)
  local job, task = split_ref(ref)
  local r, j = task_get(job, task), job_get(job)
  if r and r.state == 'd' and j and j.state == 'open' then
    r.state = 'w'
    task_set(job, task, r)
    push(j, task, j.stage.class, false)
  end
end

-- Leases that ran out: the worker died, or the task is past its own time limit.
for _, ref in ipairs(call('ZRANGEBYSCORE', Q .. ':leases', '-inf', NOW, 'LIMIT', 0, 100)) do
  local job, task = split_ref(ref)
  local r, j = task_get(job, task), job_get(job)
  call('ZREM', Q .. ':leases', ref)
  if j then call('SREM', Q .. ':busy:' .. j.shop, ref) end
  if r and r.state == 'l' and j and j.state == 'open' then
    r.token = '' -- whoever held it has lost it, however this ends
    if r.til <= NOW then
      count('timeouts')
      task_retry(j, task, r, 'A step took too long', 'timed out after ' .. j.stage.timeout_ms .. ' ms', jitter)
    else
      count('crashes')
      r.crashes = r.crashes + 1
      if r.crashes >= LIMIT.crashes then
        task_end(j, task, r, false, '', 'A step failed repeatedly', 'poison: ' .. r.crashes .. ' workers died on it', {})
      else
        task_requeue(j, task, r)
      end
    end
  end
end

-- Jobs past their deadline end with what is there: what is still open of an optional stage is given up, what follows gets
-- half the time again. A job that has nothing yet, or overruns that too, fails.
for _, job in ipairs(call('ZRANGEBYSCORE', Q .. ':deadlines', '-inf', NOW, 'LIMIT', 0, 20)) do
  local j = job_get(job)
  local key = job_key(job)
  if not j or j.state ~= 'open' then
    call('ZREM', Q .. ':deadlines', job)
  elseif j.at == 1 or call('HSETNX', key, 'partial', 1) == 0 then
    job_end(j, 'failed', 'This took too long and was stopped', 'job deadline')
  else
    call('ZADD', Q .. ':deadlines', NOW + math.floor(LIMIT.deadline_ms / 2), job)
    if not j.stage.required then
      for _, task in ipairs(call('SMEMBERS', key .. ':open')) do
        local r = task_get(job, task)
        r.token = ''
        task_end(j, task, r, false, '', '', 'job deadline', {})
      end
    end
  end
end

finish()
return call('LRANGE', Q .. ':intake', 0, 15)
