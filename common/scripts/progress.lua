-- An event from inside a task. ARGV 2 ref  3 token  4 status (running|preliminary)  5 progress  6 message  7 bundles
-- Refused (0) without the task's lease. A second "preliminary" of a job comes out as "running".
local job, task = split_ref(ARGV[2])
local r = job and task_get(job, task)
local j = r and job_get(job)
if not j or j.state ~= 'open' or r.state ~= 'l' or r.token ~= ARGV[3] then return 0 end
local status = ARGV[4]
if status == 'preliminary' and call('HSETNX', job_key(job), 'preliminary', 1) == 0 then status = 'running' end
emit(job, status, j.stage.name, math.min(tonumber(ARGV[5]), j.stage.to), ARGV[6], ARGV[7])
return 1
