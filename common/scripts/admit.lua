-- Takes a producer's message out of the intake and makes a job of it, or joins the one that runs for its upload.
-- ARGV 2 raw message ('' when it came another way)  3 job  4 upload  5 shop  6 force ('1')  7 payload
--      8 plan: a stage a line  9 counts: JSON members ("pairs_done":0, ...) of its splitting stages  10 priority (0..2)
--      11 not before (Unix ms, 0)  12 not before this many ms from now
-- Returns {what, job, upload, shop}: admitted | joined | replaced | gone (somebody else admitted it) | taken (the id is
-- that of another upload's job: to the dead).
local raw, job, upload, shop, priority = ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[10])
local due = math.max(tonumber(ARGV[11]), NOW + tonumber(ARGV[12]))
local name = address(shop, upload)

-- Tasks that wait go over to the lists of the new priority.
local function hasten(j)
  local class, moved = class_of(j), {}
  for _, task in ipairs(call('SMEMBERS', j.key .. ':open')) do
    local ref = j.id .. '/' .. task
    if call('LREM', ready_list(class, j.shop), 1, ref) > 0 then moved[#moved + 1] = ref end
  end
  j.priority = priority
  job_set(j, 'priority', priority)
  if #moved > 0 then push(j, moved, false) end
end

local function join(there)
  local answer = {'joined', there.id, there.upload, there.shop}
  if there.state ~= 'open' then return answer end -- what it answered stands
  local first = there.at == 1 and there.stage.name
  local waits_until = first and tonumber(call('ZSCORE', Q .. ':delayed', there.id .. '/' .. first) or 0) or 0
  local r = first and task_get(there, first)
  if r and r.attempts == 0 and waits_until > due then call('ZADD', Q .. ':delayed', due, there.id .. '/' .. first) end
  if priority < there.priority then hasten(there) end
  emit(there, there.status == 'preliminary' and 'running' or there.status, there.stage.name, there.progress,
       'Asked for again: this job answers both')
  count('jobs_joined')
  return answer
end

-- What was pushed before this message and is still in the intake, its worker slower or dead: by its hash.
local function overtaken()
  local at, hashes = raw ~= '' and call('LPOS', Q .. ':intake', raw) or 0, {}
  for i = 1, at do hashes[i] = redis.sha1hex(call('LINDEX', Q .. ':intake', i - 1)) end
  return table.concat(hashes, ' ')
end

-- Is this message one of those? Then the newer request's job answers it. (The same text pushed once more is newer.)
local function is_overtaken_by(there)
  local overtook = call('HGET', there.key, 'overtook')
  if not overtook or overtook == '' then return false end
  local others, n = string.gsub(overtook, redis.sha1hex(raw), '', 1)
  if n > 0 then call('HSET', there.key, 'overtook', others) end
  return n > 0
end

-- A job of this id that failed or was cancelled is asked for again: it begins anew.
local function begin()
  local key = Q .. ':job:' .. job
  call('DEL', key, key .. ':tasks', key .. ':log', Q .. ':progress:' .. name)
  call('ZREM', Q .. ':kept', job)
  call('ZREM', Q .. ':ended', job)
  local waits = due > NOW
  local life_ms = string.format('%.0f', LIMIT.life_ms + math.max(0, due - NOW))
  call('HSET', key, 'state', 'open', 'shop', shop, 'upload', upload, 'priority', priority, 'payload', ARGV[7],
       'plan', ARGV[8], 'created', NOW, 'at', 0, 'stage', '', 'total', 0, 'counts', ARGV[9], 'progress', 0,
       'status', 'queued', 'bundles', 0, 'seq', 0, 'overtook', overtaken())
  call('SET', Q .. ':upload:' .. name, job, 'PX', life_ms)
  call('ZADD', Q .. ':open', NEVER, job)
  jobs[job] = nil -- what was read of an earlier one
  local j = job_get(job)
  if waits then
    job_set(j, 'due', due)
    emit(j, 'queued', 'queued', 0, string.format('Waiting for its time, in %.0f s', math.ceil((due - NOW) / 1000)))
  else
    emit(j, 'queued', 'queued', 0, 'Waiting for a worker')
  end
  local refs = stage_open(j, 1, {}, '', '')
  if waits then
    task_delay(j, j.stage.name, task_get(j, j.stage.name), due - NOW)
  else
    push(j, refs, false)
  end
  for _, which in ipairs({key, key .. ':log', key .. ':tasks', key .. ':open', Q .. ':progress:' .. name}) do
    call('PEXPIRE', which, life_ms)
  end
  count('jobs_admitted')
end

local function refuse(reason)
  reject(raw ~= '' and raw or ARGV[7], reason, shop, upload, job)
  return {'taken', job, upload, shop}
end

local function admit()
  local namesake, latest = job_get(job), call('GET', Q .. ':upload:' .. name)
  latest = latest and job_get(latest)
  -- Nobody reaches into a stranger's job, by chance or otherwise.
  if namesake and (namesake.shop ~= shop or namesake.upload ~= upload) then
    return refuse('the job id is that of another upload\'s job')
  end
  if latest and is_overtaken_by(latest) then return join(latest) end
  local there = latest and latest.state == 'open' and latest or namesake
  if there and there.state == 'final' then return join(there) end -- the same job again
  local what = 'admitted'
  if there and there.state == 'open' then
    if ARGV[6] ~= '1' or there.id == job then return join(there) end
    job_end(there, 'cancelled', 'Replaced by a newer request', 'forced repeat by job ' .. job)
    what = 'replaced'
  end
  begin()
  return {what, job, upload, shop}
end

-- The message leaves the intake last: what goes wrong on the way loses nothing.
if raw ~= '' and not call('LPOS', Q .. ':intake', raw) then return {'gone', '', upload, shop} end
only_with_room()
local ok, answer = pcall(admit)
if not ok then
  local cause = spoilt(answer)
  jobs, counted = {}, {}
  answer = refuse(cause)
end
finish()
if raw ~= '' then call('LREM', Q .. ':intake', 1, raw) end
return answer
