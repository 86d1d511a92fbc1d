-- Pauses or resumes. ARGV 2 "*": the queue, ":<shop>": a shop  3 pause ('1') or resume ('0')  4 why
-- Returns 1 when that changed anything.
even_when_full()
if ARGV[3] == '1' then
  return call('HSETNX', Q .. ':paused', ARGV[2], string.format('{"since":%.0f,"why":%s}', NOW, cjson.encode(ARGV[4])))
end
local changed = call('HDEL', Q .. ':paused', ARGV[2])
must_wake = {[COMPUTE] = true, [IO] = true}
finish()
return changed
