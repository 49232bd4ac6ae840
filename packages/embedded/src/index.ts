/** The embedded Redis of `mailwheel up`: one real server per data folder, adopted, supervised, stopped in order. */
export {
  findRunningRedis,
  hasEmbeddedData,
  startEmbeddedRedis,
  type EmbeddedAddress,
  type EmbeddedRedis,
  type EmbeddedRedisEvent,
  type EmbeddedRedisOptions,
} from './embedded-redis.ts';
export { EmbeddedRedisError, type EmbeddedErrorCode } from './errors.ts';
export { findRedisServer, installAdvice, type RedisServerProgram } from './find-server.ts';
export { thirdOfMemoryBytes } from './memory.ts';
