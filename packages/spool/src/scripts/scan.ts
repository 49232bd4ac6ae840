/**
 * scan: one step of SCAN, inside a script because a script is routed by its key: in a Redis Cluster it reaches the node of
 * the shard, which SCAN alone (it names no key) does not.
 *
 * KEYS[1] any key of the shard. ARGV[1] cursor, ARGV[2] pattern, ARGV[3] COUNT.
 * Reply: [cursor, [key, ...]].
 */
import type { ScriptDefinition } from '../define-script.ts';

export const scanScript: ScriptDefinition = {
  name: 'mwSpoolScan',
  keys: 1,
  lua: `return redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])`,
};
