/**
 * remove: deletes everything of a message but its jobs.
 *
 * KEYS[1] record, KEYS[2] body, KEYS[3] ledger, KEYS[4] backlog counter, KEYS[5] scratch.
 * Reply: 1 there was a record, 0 there was none.
 */
import type { ScriptDefinition } from '../define-script.ts';

export const removeScript: ScriptDefinition = {
  name: 'mwSpoolRemove',
  keys: 5,
  lua: `
redis.call('DEL', KEYS[5])
local state = redis.call('HGET', KEYS[1], 'st')
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
if state == 'staged' or state == 'committed' then redis.call('DECR', KEYS[4]) end
return state and 1 or 0
`,
};
