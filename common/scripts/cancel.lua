-- Cancels by job or upload. ARGV 2 job or upload  3 message  4 reason
-- Returns {state, job}: cancelled | final | failed (it had ended) | unknown.
local job = ARGV[2]
if call('EXISTS', job_key(job)) == 0 then job = call('GET', Q .. ':upload:' .. job) end
local j = job and job_get(job)
if not j then return {'unknown', ''} end
job_end(j, 'cancelled', ARGV[3], ARGV[4])
return {j.state, job}
