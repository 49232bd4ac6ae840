/**
 * move: compare-and-set of the commit state. Works on a full Redis when it revokes.
 *
 * `committed` from `staged`. `revoked` from `staged`, from `committed` while no attempt started (field `new`), and from
 * nothing: then a tombstone is left, so that a transaction still under way on another connection creates nothing.
 * A record that is already where it should go counts as moved.
 *
 * KEYS[1] record, KEYS[2] body, KEYS[3] scratch, KEYS[4] backlog counter.
 * ARGV[1] `committed` or `revoked`, ARGV[2] tombstoneMs.
 * Reply: 1 moved, 0 not.
 */
import type { ScriptDefinition } from '../define-script.ts';

export const moveScript: ScriptDefinition = {
  name: 'mwSpoolMove',
  keys: 4,
  lua: `
local was = redis.call('HMGET', KEYS[1], 'st', 'new')
local state, to = was[1], ARGV[1]
if state == to then return 1 end
if to == 'committed' then
  if state ~= 'staged' then return 0 end
  redis.call('HSET', KEYS[1], 'st', 'committed', 'new', '1')
  return 1
end
if state and state ~= 'staged' and not (state == 'committed' and was[2]) then return 0 end
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[1], 'st', 'revoked')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('UNLINK', KEYS[2])
if state then redis.call('DECR', KEYS[4]) end
return 1
`,
};
