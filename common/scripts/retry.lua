-- An entry of the dead stream goes to the inbox again. ARGV 2 its id
-- Returns retried | unknown | empty (nothing of the message is left) | cut (it was larger than is kept).
local entries = call('XRANGE', Q .. ':dead', ARGV[2], ARGV[2])
if #entries == 0 then return 'unknown' end
local fields = {}
for i = 1, #entries[1][2], 2 do fields[entries[1][2][i]] = entries[1][2][i + 1] end
if fields.payload == '' then return 'empty' end -- of a job whose keys were spoilt
if tonumber(fields.bytes) ~= #fields.payload then return 'cut' end
call('RPUSH', Q .. ':jobs', fields.payload)
call('XDEL', Q .. ':dead', ARGV[2])
return 'retried'
