-- The latest job of an upload. ARGV 2 shop  3 upload. Returns {state, job}, or {unknown, ''}.
local job = call('GET', Q .. ':upload:' .. address(ARGV[2], ARGV[3]))
local state = job and call('HGET', Q .. ':job:' .. job, 'state')
if not state then return {'unknown', ''} end
return {state, job}
