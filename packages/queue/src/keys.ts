/** Names of the keys beside BullMQ's own. `!` cannot occur in a destination, so they never meet a queue's keys. */
import type { DestinationKey } from '@mailwheel/envelope';

/** BullMQ prefix and hash tag of a shard: every key of a destination, its index entry and its records share one slot. */
export function shardPrefix(shard: number): string {
  return `{mw${shard}}`;
}

/** ZSET destination -> milliseconds: when somebody should look at the queue. */
export function dueKey(shard: number): string {
  return `${shardPrefix(shard)}:!due`;
}

/** HASH destination -> milliseconds: no host takes mail for it before. */
export function restKey(shard: number): string {
  return `${shardPrefix(shard)}:!rest`;
}

/** ZSET of destinations that got work: wakes one waiting worker each. */
export function hintKey(shard: number): string {
  return `${shardPrefix(shard)}:!hint`;
}

/** ZSET job id -> the time it is delayed until: jobs that every host refused. */
export function parkedKey(shard: number, destination: DestinationKey): string {
  return `${shardPrefix(shard)}:!parked:${destination}`;
}

/** Written at the first start; the number of shards cannot change under mail that is stored. */
export const shardsKey = '{mw:t}:shards';
