-- Takes a producer's message out of the intake and makes a job of it, or joins the one that runs for its upload.
-- ARGV 2 raw message ('' when it came another way)  3 job  4 upload  5 shop  6 force ('1')  7 payload  8 plan
-- Returns {what, job, upload, shop}: admitted | joined | replaced | gone (somebody else admitted it).
local raw, job, upload, shop = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if raw ~= '' and call('LREM', Q .. ':intake', 1, raw) == 0 then return {'gone', '', upload, shop} end

local what = 'admitted'
local running = call('GET', Q .. ':upload:' .. upload)
local there = running and job_get(running)
if not (there and there.state == 'open') and call('EXISTS', job_key(job)) == 1 then
  there = job_get(job) -- the same job again, finished: its answer stands
  if there.state ~= 'open' then return {'joined', job, upload, shop} end
end
if there and there.state == 'open' then
  if ARGV[6] ~= '1' or there.id == job then
    local f = call('HMGET', job_key(there.id), 'status', 'progress')
    emit(there.id, f[1] == 'preliminary' and 'running' or f[1], there.stage.name, tonumber(f[2]),
         'Asked for again while it runs: this job answers both')
    count('jobs_joined')
    return {'joined', there.id, upload, shop}
  end
  job_end(there, 'cancelled', 'Replaced by a newer request', 'forced repeat by job ' .. job)
  what = 'replaced'
end

local key = job_key(job)
local plan = cjson.decode(ARGV[8])
local counts = {}
for _, stage in ipairs(plan) do
  if stage.split then counts[#counts + 1] = string.format('"%s_done":0,"%s_total":0', stage.name, stage.name) end
end
call('DEL', Q .. ':progress:' .. upload)
call('HSET', key, 'state', 'open', 'shop', shop, 'upload', upload, 'payload', ARGV[7], 'plan', ARGV[8], 'created', NOW,
     'stage', 1, 'total', 0, 'counts', table.concat(counts, ','), 'progress', 0, 'bundles', 0, 'seq', 0)
call('SET', Q .. ':upload:' .. upload, job, 'PX', LIMIT.life_ms)
emit(job, 'queued', 'queued', 0, 'Waiting for a worker')
for _, name in ipairs({key, key .. ':log', Q .. ':progress:' .. upload}) do expire(name, LIMIT.life_ms) end
stage_open(job_get(job), 1, {}, '')
count('jobs_admitted')
finish()
return {what, job, upload, shop}
