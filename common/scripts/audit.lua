-- Do these keys of the queue add up? For operators. ARGV 2 mend ('1') or only look  3... keys, at most some dozens
-- Returns {what is wrong, where, mended ('1'), ...}, at most 300 findings: what is beyond is neither said nor mended.
-- It sees all keys at one instant, so that nothing that is just on its way is taken for lost.
even_when_full()
local is_mending = ARGV[2] == '1'
local findings = {}

local function found(what, where, mend)
  if #findings >= 900 then return end
  local n = #findings
  findings[n + 1], findings[n + 2], findings[n + 3] = what, where, is_mending and mend and '1' or '0'
  if is_mending and mend then mend() end
end

local LASTING = {jobs = 'list', intake = 'list', dead = 'stream', delayed = 'zset', leases = 'zset', open = 'zset',
                 paused = 'hash', ended = 'zset', kept = 'zset', workers = 'zset', wake = 'list', fence = 'string',
                 stats = 'hash'}
local PASSING = {upload = 'string', progress = 'hash', cache = 'string', made = 'string', maker = 'string',
                 worker = 'string', turn = 'string', swept = 'string', doctor = 'string', gate = 'hash', copy = 'string'}
local MOST = 1000 -- entries of one list that are looked at

-- Runs it; false where keys that somebody has spoilt make that impossible.
local function reads(run, ...)
  local ok, cause = pcall(run, ...)
  return ok or not spoilt(cause)
end

local function expire(key, ms) return function() call('PEXPIRE', key, ms) end end
local function delete(key) return function() call('DEL', key) end end

local function is_open(job)
  local j = job_get(job)
  return j and j.state == 'open' and j
end

-- ---- jobs ----

local waiting = {} -- of each ready list that was asked for, the refs in it
local function waits(j, ref)
  local list = ready_list(class_of(j), j.shop)
  if not waiting[list] then
    waiting[list] = {}
    for _, each in ipairs(call('LRANGE', list, 0, 19999)) do waiting[list][each] = true end
  end
  return waiting[list][ref] or call('LLEN', list) > 20000
end

local function look_at_task(j, task)
  local ref = j.id .. '/' .. task
  local r = task_get(j, task)
  local function requeue() task_requeue(j, task, r) end
  if not r or r.state == 'e' or r.state == 'f' then
    found('ended task among the open ones', ref, function() call('SREM', j.key .. ':open', task) end)
  elseif r.state == 'l' and not call('ZSCORE', Q .. ':leases', ref) then
    found('leased task without a lease', ref, requeue)
  elseif r.state == 'd' and not call('ZSCORE', Q .. ':delayed', ref) then
    found('delayed task without a time', ref, requeue)
  elseif r.state == 'w' and not waits(j, ref) then
    found('waiting task on no list', ref, function() push(j, {ref}, true) end)
  end
end

local function look_at_tasks(j)
  local tasks = call('SMEMBERS', j.key .. ':open')
  for i = 1, math.min(#tasks, MOST) do look_at_task(j, tasks[i]) end
  if call('SCARD', j.key .. ':open') > 0 then return end
  found('job without open tasks', j.id, function()
    local refs = stage_open(j, j.at + 1, {}, '', '')
    if refs then push(j, refs, false) end
  end)
end

local function look_at_job(key, job)
  local j = job_get(job)
  local ttl = call('PTTL', key)
  if j.state == 'open' then
    if not call('ZSCORE', Q .. ':open', job) then
      found('open job that is not listed', job, function()
        call('ZADD', Q .. ':open', string.format('%.0f', NOW + LIMIT.deadline_ms), job)
      end)
    end
    if ttl == -1 then found('no TTL', key, expire(key, LIMIT.life_ms)) end
    return look_at_tasks(j)
  end
  if ttl == -1 then found('no TTL', key, expire(key, LIMIT.keep_ms)) end
  if ttl > 5000 and not call('ZSCORE', Q .. ':kept', job) then
    found('ended job that is not listed', job, function() call('ZADD', Q .. ':kept', NOW, job) end)
  end
  for _, part in ipairs({':open', ':results'}) do
    if call('EXISTS', key .. part) == 1 then found('left over from an ended job', key .. part, delete(key .. part)) end
  end
end

local PARTS = {open = true, tasks = true, results = true, log = true}
local function look_at_job_key(key, rest)
  if call('TYPE', key).ok == 'hash' and call('HEXISTS', key, 'plan') == 1 then
    if not reads(look_at_job, key, rest) then
      -- What the sweep does when it meets one.
      found('job that does not read', rest, function() guarded(rest, look_at_job, key, rest) end)
    end
    return
  end
  local job, part = string.match(rest, '^(.+):(%a+)$')
  if not job or not PARTS[part] then return found('unknown key', key) end
  local ttl = call('PTTL', key)
  if call('EXISTS', Q .. ':job:' .. job) == 0 then
    if ttl == -1 or ttl > 5000 then found('part of a job that is gone', key, delete(key)) end
  elseif ttl == -1 then
    found('no TTL', key, expire(key, is_open(job) and LIMIT.life_ms or LIMIT.keep_ms))
  end
end

-- The latest job of an upload, and its progress.
local function look_at_pointer(key, job)
  local ttl = call('PTTL', key)
  if not job or call('EXISTS', Q .. ':job:' .. job) == 0 then
    if ttl == -1 or ttl > LIMIT.keep_ms + 5000 then found('points to a job that is gone', key, delete(key)) end
  elseif ttl == -1 then
    found('no TTL', key, expire(key, is_open(job) and LIMIT.life_ms or LIMIT.keep_ms))
  end
end

-- ---- what is listed ----

local function look_at_refs(list, state, what)
  for _, ref in ipairs(call('ZRANGE', Q .. ':' .. list, 0, MOST - 1)) do
    local job, task = split_ref(ref)
    local j = job and is_open(job)
    local r = j and task_get(j, task)
    if not r or r.state ~= state then
      found(what, ref, function()
        call('ZREM', Q .. ':' .. list, ref)
        if j and list == 'leases' then call('SREM', j.busy, ref) end
      end)
    end
  end
end

local function look_at_listed_jobs(list, what, is_fine)
  for _, job in ipairs(call('ZRANGE', Q .. ':' .. list, 0, MOST - 1)) do
    if not is_fine(job) then found(what, job, function() call('ZREM', Q .. ':' .. list, job) end) end
  end
end

local LOOK = {}
function LOOK.leases()
  look_at_refs('leases', 'l', 'lease of a task that is not leased')
  local late = string.format('%.0f', NOW - LIMIT.lease_ms - 15000)
  for _, ref in ipairs(call('ZRANGEBYSCORE', Q .. ':leases', '-inf', late, 'LIMIT', 0, 100)) do
    found('lease that ran out long ago', ref)
  end
end
function LOOK.delayed() look_at_refs('delayed', 'd', 'time of a task that is not delayed') end
function LOOK.open() look_at_listed_jobs('open', 'listed as open, and is not', is_open) end
function LOOK.kept()
  local recent = NOW - LIMIT.keep_ms + 5000
  look_at_listed_jobs('kept', 'listed as kept, and is gone', function(job)
    return call('EXISTS', Q .. ':job:' .. job) == 1 or tonumber(call('ZSCORE', Q .. ':kept', job)) < recent
  end)
end
function LOOK.ended()
  local late = string.format('%.0f', NOW - 60000)
  for _, job in ipairs(call('ZRANGEBYSCORE', Q .. ':ended', '-inf', late, 'LIMIT', 0, 100)) do
    found('end that PostgreSQL was not told', job)
  end
end
function LOOK.wake(key)
  local n = call('LLEN', key)
  if n > 1 then found('more than one wake marker', key, function() call('LPOP', key, n - 1) end) end
end

local function look_at_ring(key, number)
  local lane = number < IO.first_ring and COMPUTE or IO
  local seen = {}
  for _, shop in ipairs(call('LRANGE', key, 0, MOST - 1)) do
    local is_empty = call('EXISTS', unpack(ready_lists(lane, number - lane.first_ring, shop))) == 0
    if is_empty or seen[shop] then
      found(is_empty and 'shop in a ring without tasks' or 'shop twice in a ring', number .. ':' .. shop, function()
        call('LREM', key, -1, shop)
      end)
    end
    seen[shop] = true
  end
end

local function look_at_ready(class, shop)
  local lane = class < IO.first_class and COMPUTE or IO
  local ring = ring_of(lane, math.floor((class - lane.first_class) / lane.classes))
  if not call('LPOS', ring, shop) then
    found('tasks of a shop that is in no ring', class .. ':' .. shop, function()
      call('RPUSH', ring, shop)
      must_wake[lane] = true
    end)
  end
end

local function look_at_busy(key)
  for i, ref in ipairs(call('SMEMBERS', key)) do
    if i > MOST then break end
    if not call('ZSCORE', Q .. ':leases', ref) then
      found('busy with a task that is not leased', ref, function() call('SREM', key, ref) end)
    end
  end
end

-- ---- any key ----

local function look_at_other(key, kind, rest)
  local class, shop = string.match(rest, '^(%d%d?):(.+)$')
  if kind == 'ready' and class and tonumber(class) < IO.first_class + 3 * IO.classes then return look_at_ready(tonumber(class), shop) end
  if kind == 'ring' and string.match(rest, '^[0-5]$') then return look_at_ring(key, tonumber(rest)) end
  if key == IO.wake then return LOOK.wake(key) end
  if kind == 'busy' then return look_at_busy(key) end
  if not PASSING[kind] then return found('unknown key', key) end
  if call('TYPE', key).ok ~= PASSING[kind] then return found('wrong type', key) end
  if kind == 'upload' then return look_at_pointer(key, call('GET', key)) end
  if kind == 'progress' then return look_at_pointer(key, call('HGET', key, 'job')) end
  if call('PTTL', key) == -1 then found('no TTL', key, expire(key, LIMIT.keep_ms)) end
end

local function look_at_key(key)
  local kind, rest = string.match(string.sub(key, #Q + 2), '^([^:]*):?(.*)$')
  local is = call('TYPE', key).ok
  if is == 'none' then return end -- gone since it was listed
  if rest == '' and LASTING[kind] then
    if is ~= LASTING[kind] then found('wrong type', key)
    elseif LOOK[kind] then LOOK[kind](key) end
  elseif kind == 'job' then look_at_job_key(key, rest)
  else look_at_other(key, kind, rest) end
end

local seen = {} -- SCAN may list a key twice; a task goes back on its list once
for i = 3, #ARGV do
  local key = ARGV[i]
  if not seen[key] and not reads(look_at_key, key) then found('key that does not read', key) end
  seen[key] = true
end
finish()
return findings
