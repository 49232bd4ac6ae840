/**
 * Brings a destination forward to now, ends its rest and wakes a worker.
 *
 * KEYS[1] due index (ZSET)   KEYS[2] rests (HASH)   KEYS[3] hints (ZSET)
 * ARGV[1] destination
 *
 * HDEL comes first: a write that is allowed at maxmemory, after which Redis lets the script finish.
 */
export const touchScript = `
redis.call('HDEL', KEYS[2], ARGV[1])
local t = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'LT', t[1] * 1000 + math.floor(t[2] / 1000), ARGV[1])
redis.call('ZADD', KEYS[3], 0, ARGV[1])
return 1
`;
