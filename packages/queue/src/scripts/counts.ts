/**
 * Counts of a portion of destinations, for the console and the metrics. Reads only.
 *
 * KEYS[1] due index (ZSET)
 * ARGV[1] key prefix with colon: '{mw0}:'   ARGV[2..] destinations
 * Reply: one flat list, 7 numbers a destination: waiting, active, delayed, failed, paused (1 or 0), due or -1, time when the
 *        oldest was accepted or -1
 *
 * The oldest is looked for where it must be unless the order was changed by hand: the tail of wait, the first prioritized and
 * the first delayed.
 */
export const countsScript = `
local out = {}
for i = 2, #ARGV do
  local base = ARGV[1] .. ARGV[i] .. ':'
  local prioritized = redis.call('ZCARD', base .. 'prioritized')
  local delayed = redis.call('ZCARD', base .. 'delayed')
  local oldest = -1
  local function older(id)
    local at = id and tonumber(redis.call('HGET', base .. id, 'timestamp') or nil)
    if at and (oldest < 0 or at < oldest) then oldest = at end
  end
  older(redis.call('LINDEX', base .. 'wait', -1))
  if prioritized > 0 then older(redis.call('ZRANGE', base .. 'prioritized', 0, 0)[1]) end
  if delayed > 0 then older(redis.call('ZRANGE', base .. 'delayed', 0, 0)[1]) end
  local n = #out
  out[n + 1] = redis.call('LLEN', base .. 'wait') + redis.call('LLEN', base .. 'paused') + prioritized
  out[n + 2] = redis.call('LLEN', base .. 'active')
  out[n + 3] = delayed
  out[n + 4] = redis.call('ZCARD', base .. 'failed')
  out[n + 5] = redis.call('HEXISTS', base .. 'meta', 'paused')
  out[n + 6] = math.floor(tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or -1))
  out[n + 7] = math.floor(oldest)
end
return out
`;
