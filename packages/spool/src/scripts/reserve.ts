/**
 * reserve: takes a block of numbers. Works on a full Redis (a delivery connection has a number too): DEL goes first.
 *
 * KEYS[1] counter, KEYS[2] scratch. ARGV[1] size of the block.
 * Reply: last number of the block.
 */
import type { ScriptDefinition } from '../define-script.ts';

export const reserveScript: ScriptDefinition = {
  name: 'mwReserveNumbers',
  keys: 2,
  lua: `
redis.call('DEL', KEYS[2])
return redis.call('INCRBY', KEYS[1], ARGV[1])
`,
};
