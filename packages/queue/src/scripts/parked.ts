/** Jobs that every host refused: remembered beside the queue, so that a recovered host gets them before their schedule. */

/**
 * Remembers a job that the command before it on this connection has delayed; a refused move is not remembered.
 *
 * KEYS[1] parked jobs (ZSET)   KEYS[2] delayed jobs of the queue (ZSET)
 * ARGV[1] job id   ARGV[2] the time it is delayed until: a job deferred again for another reason no longer matches
 *
 * ZREM comes first: a write that is allowed at maxmemory, after which Redis lets the script finish.
 */
export const parkScript = `
redis.call('ZREM', KEYS[1], ARGV[1])
local delayed = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not delayed or math.floor(tonumber(delayed) / 4096) ~= tonumber(ARGV[2]) then return 0 end
return redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
`;

/**
 * The parked jobs that are still delayed to the time they were parked with; forgets those that are not.
 *
 * KEYS[1] parked jobs (ZSET)   KEYS[2] delayed jobs of the queue (ZSET)
 * ARGV[1] how many at most
 * Reply: {parked jobs that stay after these, job id...}
 */
export const parkedPortionScript = `
local portion = redis.call('ZRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')
local jobs = {}
for i = 1, #portion, 2 do
  local id = portion[i]
  local delayed = redis.call('ZSCORE', KEYS[2], id)
  if delayed and math.floor(tonumber(delayed) / 4096) == tonumber(portion[i + 1]) then
    jobs[#jobs + 1] = id
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
return {redis.call('ZCARD', KEYS[1]) - #jobs, unpack(jobs)}
`;
