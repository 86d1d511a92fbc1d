-- An event from inside a task. ARGV 2 ref  3 token  4 status (running|preliminary)  5 progress  6 message  7 bundles ('')
-- Refused (0) without the task's lease. A second "preliminary" of a job comes out as "running".
even_when_full()
local job, task = split_ref(ARGV[2])
local j = job and job_get(job)
local r = j and task_get(j, task)
if not j or j.state ~= 'open' or not r or r.state ~= 'l' or r.token ~= ARGV[3] then
  count('fenced')
  finish()
  return 0
end
local status = ARGV[4]
if status == 'preliminary' and call('HSETNX', j.key, 'preliminary', NOW) == 0 then status = 'running' end
if ARGV[7] ~= '' then j.bundles = tonumber(ARGV[7]) end
emit(j, status, j.stage.name, math.min(tonumber(ARGV[5]), j.stage.to), ARGV[6])
finish()
return 1
