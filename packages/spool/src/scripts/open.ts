/**
 * open: record and body for an attempt. Deleting the field `new` marks that an attempt may have started: `move` revokes a
 * committed message only while the field is there. A deletion, because a full Redis refuses to set a field but never to
 * delete one.
 *
 * KEYS[1] record, KEYS[2] body.
 * Reply: nil without a record, else [fields and values of the record, body or nil].
 */
import type { ScriptDefinition } from '../define-script.ts';

export const openScript: ScriptDefinition = {
  name: 'mwSpoolOpen',
  keys: 2,
  lua: `
redis.call('HDEL', KEYS[1], 'new')
local record = redis.call('HGETALL', KEYS[1])
if #record == 0 then return false end
return {record, redis.call('GET', KEYS[2])}
`,
};
