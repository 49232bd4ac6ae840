/**
 * The invariant of the due index, checked from outside: an own reading of BullMQ's keys that shares no line with the settle
 * script. One script, so it sees one moment by Redis's own clock.
 */
import type { TestRedis } from '@mailwheel/testkit';

export interface AuditTimes {
  /** The longest an entry may lie behind its queue's next work: the longer of hold and look, and a margin. */
  readonly slackMs: number;
  readonly lookMs: number;
  readonly pausedLookMs: number;
  readonly keepMs: number;
}

const audit = `
local prefix = ARGV[1]
local slack, look, pausedLook, keep = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local seen, bad = {}, {}
for _, key in ipairs(redis.call('KEYS', prefix .. ':*')) do
  local name, list = string.match(key, '^[^:]+:([^:!]+):(%a+)$')
  if list == 'wait' or list == 'active' or list == 'delayed' or list == 'prioritized' or list == 'failed' then seen[name] = true end
end
for name in pairs(seen) do
  local base = prefix .. ':' .. name .. ':'
  local limit = tonumber(redis.call('HGET', base .. 'meta', 'concurrency') or nil)
  local paused = redis.call('HEXISTS', base .. 'meta', 'paused') == 1
  local active = redis.call('LLEN', base .. 'active')
  local waiting = redis.call('LLEN', base .. 'wait') + redis.call('ZCARD', base .. 'prioritized')
  local delayed = redis.call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
  local failed = redis.call('ZRANGE', base .. 'failed', 0, 0, 'WITHSCORES')
  local rest = tonumber(redis.call('HGET', prefix .. ':!rest', name) or 0)
  local latest = math.huge
  local function by(at) latest = math.min(latest, math.max(at, now, rest) + slack) end
  if active > 0 then by(now + look) end
  if waiting > 0 and paused then by(now + pausedLook) end
  if waiting > 0 and not paused then by((limit and active >= limit) and now + look or now) end
  if #delayed > 0 then by(paused and now + pausedLook or tonumber(delayed[2]) / 4096) end
  if #failed > 0 then by(tonumber(failed[2]) + keep + look) end
  local score = redis.call('ZSCORE', prefix .. ':!due', name)
  if not score then
    bad[#bad + 1] = name .. ' holds jobs and is not indexed'
  elseif tonumber(score) > latest then
    bad[#bad + 1] = string.format('%s is indexed %d ms too late (waiting %d, active %d, delayed %d, failed %d, paused %s)',
      name, tonumber(score) - latest, waiting, active, #delayed / 2, #failed / 2, tostring(paused))
  end
end
return bad
`;

/** Sentences about every queue of the shard that breaks the invariant now. */
export async function auditDueIndex(
  redis: ReturnType<TestRedis['client']>,
  shard: number,
  times: AuditTimes,
): Promise<string[]> {
  const { slackMs, lookMs, pausedLookMs, keepMs } = times;
  const found = await redis.eval(audit, 0, `{mw${shard}}`, slackMs, lookMs, pausedLookMs, keepMs);
  return found as string[];
}

/** Random numbers that a seed repeats (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
