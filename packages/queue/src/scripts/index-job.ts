/**
 * What a job needs around it: limits in its queue's meta, the due index entry, and the hint that wakes a worker. One command
 * of the accept's MULTI instead of three: a command costs its client more than it costs Redis.
 *
 * KEYS[1] meta of the queue (HASH)   KEYS[2] due index (ZSET)   KEYS[3] hints (ZSET)
 * ARGV[1] destination   ARGV[2] due at, milliseconds   ARGV[3] `1`: somebody should be woken
 * ARGV[4..] fields and values of meta
 */
export const indexJobScript = `
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('ZADD', KEYS[2], 'LT', ARGV[2], ARGV[1])
if ARGV[3] == '1' then redis.call('ZADD', KEYS[3], 0, ARGV[1]) end
return 1
`;
