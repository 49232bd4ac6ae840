/**
 * Sets a destination's entry in the due index from the real state of its queue; removes the queue when it is empty.
 *
 * KEYS[1] due index (ZSET)  KEYS[2] rests (HASH)  KEYS[3] hints (ZSET)  KEYS[4] parked jobs (ZSET)  KEYS[5] queue's meta (HASH)
 * ARGV[1]  key base of the queue: '{mw0}:example.com:'; its other keys are in the same slot
 * ARGV[2]  destination
 * ARGV[3]  'visit' or 'sweep': a sweep never moves an entry later and leaves a rest alone
 * ARGV[4]  '1': the visit took at least one job. Otherwise waiting work is looked at again after ARGV[8] only: no hot loop
 *          when the server's clock is ahead of ours
 * ARGV[5]  not before this time (server's milliseconds) by order of the host rotation; 0: no rest
 * ARGV[6]  look: longest time until somebody looks at a queue with active jobs
 * ARGV[7]  paused look: the same for a paused queue
 * ARGV[8]  idle milliseconds
 * ARGV[9]  retention of failed jobs in milliseconds    ARGV[10] failed jobs kept at most
 * ARGV[11] concurrency of this destination; '': none
 * Reply: {score or -1 when the queue is gone, jobs of dead owners, failed jobs past their retention or number,
 *         '1' when the entry was missing or too late}
 *
 * Jobs of dead owners (no lock) are put into 'stalled'; the caller then runs moveStalledJobsToWait. With many active jobs all
 * locks are read once per look, otherwise at every settle. The first command is a write without effect (maxmemory).
 */
export const settleScript = `
redis.call('HDEL', KEYS[2], '')
local due, base, dest, sweep = KEYS[1], ARGV[1], ARGV[2], ARGV[3] == 'sweep'
local took, notBefore = ARGV[4] == '1', tonumber(ARGV[5])
local look, pausedLook, idle = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local keep, keepMax, concurrency = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local restMax, locksEach = 3600000, 64
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local meta = redis.call('HMGET', KEYS[5], 'paused', 'concurrency', 'max', 'opts.maxLenEvents', 'locksAt')
local paused = meta[1]
local wait = redis.call('LLEN', base .. 'wait') + redis.call('ZCARD', base .. 'prioritized') + redis.call('LLEN', base .. 'paused')
local active = redis.call('LLEN', base .. 'active')
local head = redis.call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
local failed = redis.call('ZCARD', base .. 'failed')
local foreign = redis.call('ZCARD', base .. 'completed') + redis.call('ZCARD', base .. 'waiting-children')
local before = tonumber(redis.call('ZSCORE', due, dest) or nil)

if wait + active + #head + failed + foreign == 0 then
  redis.call('ZREM', due, dest)
  redis.call('HDEL', KEYS[2], dest)
  redis.call('ZREM', KEYS[3], dest)
  redis.call('UNLINK', KEYS[4], base .. 'marker', base .. 'id', base .. 'events', base .. 'pc', base .. 'stalled', base .. 'stalled-check')
  if not paused then redis.call('UNLINK', KEYS[5]) end
  return {-1, 0, 0, '0'}
end

if tonumber(meta[2] or nil) ~= concurrency then
  if concurrency then redis.call('HSET', KEYS[5], 'concurrency', concurrency) else redis.call('HDEL', KEYS[5], 'concurrency') end
end
if meta[4] ~= '0' then redis.call('HSET', KEYS[5], 'opts.maxLenEvents', '0') end

if sweep then notBefore = tonumber(redis.call('HGET', KEYS[2], dest) or 0) end
if notBefore > now + restMax then notBefore = now + restMax end

local at = nil
local function earliest(x) if at == nil or x < at then at = x end end

local lost = 0
if active > 0 then
  local soonest = look
  if active <= locksEach or tonumber(meta[5] or 0) <= now then
    for _, id in ipairs(redis.call('LRANGE', base .. 'active', 0, 9999)) do
      local ttl = redis.call('PTTL', base .. id .. ':lock')
      if ttl == -2 then
        redis.call('SADD', base .. 'stalled', id)
        lost = lost + 1
      elseif ttl >= 0 and ttl + 1 < soonest then
        soonest = ttl + 1
      end
    end
    if active > locksEach then redis.call('HSET', KEYS[5], 'locksAt', now + look) end
  end
  if lost > 0 then
    redis.call('DEL', base .. 'stalled-check')
    soonest = 0
  end
  earliest(now + soonest)
end

if paused then
  if wait > 0 or #head > 0 then earliest(now + pausedLook) end
else
  local free = math.max(now, notBefore)
  local full = meta[3] and tonumber(redis.call('GET', base .. 'limiter') or 0) >= tonumber(meta[3])
  local ttl = full and redis.call('PTTL', base .. 'limiter') or 0
  if ttl > 0 then
    free = math.max(free, now + ttl)
  elseif concurrency and active >= concurrency then
    free = math.max(free, now + look)
  end
  if not took then free = math.max(free, now + idle) end
  if wait > 0 then earliest(free) end
  if #head > 0 then earliest(math.max(math.floor(tonumber(head[2]) / 4096), free)) end
end

local excess = 0
if failed > 0 then
  local oldest = tonumber(redis.call('ZRANGE', base .. 'failed', 0, 0, 'WITHSCORES')[2])
  if oldest + keep <= now then excess = 1 end
  if failed - keepMax > excess then excess = failed - keepMax end
  earliest(math.max(now + look, oldest + keep))
end
if at == nil then at = now + pausedLook end

local repaired = '0'
if before == nil or before > at + math.max(look, 1000) then repaired = '1' end
if sweep then
  if before == nil or at < before then redis.call('ZADD', due, at, dest) end
else
  redis.call('ZADD', due, at, dest)
  if notBefore > now then redis.call('HSET', KEYS[2], dest, notBefore) else redis.call('HDEL', KEYS[2], dest) end
end
return {math.floor(at), lost, excess, repaired}
`;
