/**
 * Claims destinations that are due.
 *
 * KEYS[1] due index (ZSET)   KEYS[2] rests (HASH)   KEYS[3] hints (ZSET)
 * ARGV[1] how many at most   ARGV[2] hold in milliseconds: nobody else is given a claimed destination for that long, unless
 *         new work brings it forward; a claimer that dies costs at most one hold
 * Reply: {now, score of the earliest entry that was not claimed or -1, destination...}
 *
 * The first command is a write without effect: Redis then lets the script finish at maxmemory. A resting destination that an
 * add brought forward goes back to the end of its rest, and the next one is looked at instead (in bounded passes).
 */
export const claimScript = `
redis.call('HDEL', KEYS[2], '')
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local wanted, hold = tonumber(ARGV[1]), tonumber(ARGV[2])
local claimed, isClaimed, passes = {}, {}, 0
while #claimed < wanted and passes < 8 do
  passes = passes + 1
  local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, wanted - #claimed)
  if #found == 0 then break end
  local rests = redis.call('HMGET', KEYS[2], unpack(found))
  for i, d in ipairs(found) do
    local rest = tonumber(rests[i] or 0)
    if rest > now then
      redis.call('ZADD', KEYS[1], rest, d)
    else
      redis.call('ZADD', KEYS[1], now + hold, d)
      claimed[#claimed + 1] = d
      isClaimed[d] = true
    end
    redis.call('ZREM', KEYS[3], d)
  end
end
local next = -1
local ahead = redis.call('ZRANGE', KEYS[1], 0, #claimed, 'WITHSCORES')
for i = 1, #ahead, 2 do
  if not isClaimed[ahead[i]] then
    next = math.floor(tonumber(ahead[i + 1]))
    break
  end
end
return {now, next, unpack(claimed)}
`;
