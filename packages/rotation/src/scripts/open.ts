/**
 * `open`: takes a lease for one connection to a host, if the host's limit allows it. Leases of dead processes end by
 * themselves. The limit of a host that nobody has proven lately is the initial one; successes, which ride on `pick`, double it.
 * A host at its limit is marked `full` in its hash, so that `pick` learns it without a command of its own.
 *
 * KEYS[1] leases of the host's connections;  KEYS[2] its limit;  KEYS[3] its hash;  KEYS[4] known hosts
 * ARGV[1] the caller's clock in ms, or '';  ARGV[2] host key;  ARGV[3] connection id;  ARGV[4] lease ms
 * ARGV[5] initial connections;  ARGV[6] the host's most;  ARGV[7] forget ms;  ARGV[8] known hosts max
 *
 * The first write (removing dead leases) needs no memory, so the script finishes on a full Redis.
 * Returns 1: taken (or held already, renewed); 0: the host is at its limit.
 */
export const openScript: string = `
local call = redis.call
local now = tonumber(ARGV[1])
if not now then
  local t = call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local limit = math.min(tonumber(call('HGET', KEYS[2], 'lim')) or tonumber(ARGV[5]), tonumber(ARGV[6]))
local open = call('ZCARD', KEYS[1])
local taken = 0
if open < limit or call('ZSCORE', KEYS[1], ARGV[3]) then
  open = open + call('ZADD', KEYS[1], now + ARGV[4], ARGV[3])
  call('PEXPIRE', KEYS[1], ARGV[4])
  call('ZADD', KEYS[4], now, ARGV[2])
  call('ZREMRANGEBYRANK', KEYS[4], 0, -1 - ARGV[8])
  call('PEXPIRE', KEYS[4], ARGV[7])
  taken = 1
end
if open >= limit then
  local first = call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  call('HSET', KEYS[3], 'full', first[2])
  if call('PTTL', KEYS[3]) < 0 then call('PEXPIRE', KEYS[3], ARGV[7]) end
end
return taken
`;

/**
 * `close`: gives one connection's lease back.
 *
 * KEYS[1] leases of the host's connections;  KEYS[2] the host's hash;  ARGV[1] connection id
 * Both writes need no memory. Returns 1: there was such a lease; 0: it had ended.
 */
export const closeScript: string = `
redis.call('HDEL', KEYS[2], 'full')
return redis.call('ZREM', KEYS[1], ARGV[1])
`;

/**
 * `renew`: prolongs the leases of connections that a process still holds. A lease that ended stays ended (`XX`): renewing and
 * closing may overtake each other, and a closed connection must not come back.
 *
 * KEYS[1] void key (deleted first, so that the script finishes on a full Redis);  KEYS[2..] leases, a key for each id
 * ARGV[1] the caller's clock in ms, or '';  ARGV[2] lease ms;  ARGV[3..] connection ids, in the order of KEYS[2..]
 */
export const renewScript: string = `
local call = redis.call
local now = tonumber(ARGV[1])
if not now then
  local t = call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
call('DEL', KEYS[1])
for i = 2, #KEYS do
  call('ZADD', KEYS[i], 'XX', 'GT', now + ARGV[2], ARGV[i + 1])
  call('PEXPIRE', KEYS[i], ARGV[2])
end
return 1
`;
