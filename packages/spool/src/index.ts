/**
 * The spool: what Redis holds of a message besides its jobs (record, body, ledger), and two things that every process takes
 * from the same Redis: its clock and small numbers for the logs.
 */
export type * from './types.ts';
export { createSpool, type SpoolOptions } from './create-spool.ts';
export { messageKeys, shardPrefix, type MessageKeys } from './keys.ts';
export {
  createNumberBlocks,
  type NumberBlocks,
  type NumberBlocksOptions,
  type NumberSeries,
} from './number-blocks.ts';
export { createRedisClock, type RedisClock, type RedisClockOptions } from './redis-clock.ts';
export type { RedisClient } from './define-script.ts';
