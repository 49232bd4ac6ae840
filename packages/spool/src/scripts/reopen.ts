/**
 * reopen: makes recipients open again that did not get the message. All or nothing. Record, body and ledger stop expiring.
 *
 * KEYS[1] record, KEYS[2] body, KEYS[3] ledger, KEYS[4] backlog counter.
 * ARGV recipient indices.
 * Reply: 1 every named recipient is open now; 0 nothing was changed: no body, no such message, or one of them has a result
 * that cannot be taken back.
 */
import type { ScriptDefinition } from '../define-script.ts';

export const reopenScript: ScriptDefinition = {
  name: 'mwSpoolReopen',
  keys: 4,
  lua: `
local was = redis.call('HMGET', KEYS[1], 'st', 'open', 'bad')
local state, open = was[1], tonumber(was[2])
if not open or (state ~= 'committed' and state ~= 'settled') then return 0 end
if redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
local fields = {}
for _, index in ipairs(ARGV) do
  local result = redis.call('HGET', KEYS[1], 'r' .. index)
  if result then
    local letter = string.sub(result, 3, 3)
    if letter ~= 'b' and letter ~= 'e' and letter ~= 'q' then return 0 end
    fields[#fields + 1] = 'r' .. index
  end
end
if #fields == 0 then return 1 end
local reopened = redis.call('HDEL', KEYS[1], unpack(fields))
redis.call('HSET', KEYS[1], 'st', 'committed', 'open', open + reopened, 'bad', tonumber(was[3] or 0) - reopened)
for at = 1, 3 do redis.call('PERSIST', KEYS[at]) end
if state == 'settled' then redis.call('INCR', KEYS[4]) end
return 1
`,
};
