-- Cancels by job, or by shop and upload. ARGV 2 raw message ('' when it came another way)  3 job ('')  4 shop  5 upload
--      6 message  7 reason
-- Returns {state, job}: cancelled | final | failed (it had ended) | unknown (or its keys are spoilt: it is among the dead now) |
-- gone (somebody else did it) | waits (what was pushed before it, the job perhaps, is still being admitted: a sweep brings
-- the message again).
even_when_full()
if ARGV[2] ~= '' then
  local at = call('LPOS', Q .. ':intake', ARGV[2])
  if at ~= 0 then return {at and 'waits' or 'gone', ''} end
  call('LPOP', Q .. ':intake')
end
local job = ARGV[3]
if job == '' then job = call('GET', Q .. ':upload:' .. address(ARGV[4], ARGV[5])) end
if not job then return {'unknown', ''} end
guarded(job, function()
  local j = job_get(job)
  if j then job_end(j, 'cancelled', ARGV[6], ARGV[7]) end
end)
finish()
return {jobs[job] and jobs[job].state or 'unknown', job}
