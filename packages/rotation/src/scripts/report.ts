/**
 * `report`: what an attempt learned about a host, applied by compare-and-set on the epoch that its pick was given. The moves
 * are those of `reportHealth` in `pacing`; the model test compares them.
 *
 * The host's hash:
 *   st     H healthy, U unhealthy, P probing, R recovering, D drained; absent: healthy
 *   ep     epoch; absent: 0
 *   sus    H: the message that met a soft failure last
 *   rest   U, P, R: nominal length of the last rest in ms;  since, until  U (P: since): when it began, when it ends
 *   lease, till        P: owner of the probe, when its lease is dead
 *   lvl, ok, tok, at   R: level of the ramp, successes at it, tokens and when they were counted
 *   say    last bad reply, for people
 *   full   any state, kept by `open` and `close`: at its connection limit until then at the latest
 *
 * KEYS[1] void key (deleted first, so that the script finishes on a full Redis)
 * KEYS[2] the host's hash;  KEYS[3] destinations waiting for it;  KEYS[4] hosts that came back;  KEYS[5] known hosts
 * ARGV[1] the caller's clock in ms, or '' for Redis's own
 * ARGV[2] host key;  ARGV[3] epoch;  ARGV[4] ok | soft | fail;  ARGV[5] lease id;  ARGV[6] message id;  ARGV[7] reply
 * ARGV[8] first rest ms;  ARGV[9] longest rest ms;  ARGV[10] factor of this rest;  ARGV[11] ramp start (messages/s)
 * ARGV[12] ramp levels;  ARGV[13] forget ms;  ARGV[14] known hosts max
 *
 * Returns {'S'}, stale: nothing was changed; or {'A', state before, state now, until ms or 0}.
 */
export const reportScript: string = `
local call = redis.call
local host, outcome, forget = KEYS[2], ARGV[4], tonumber(ARGV[13])
local s = call('HMGET', host, 'st', 'ep', 'sus', 'rest', 'lease', 'lvl', 'ok')
local st, epoch = s[1] or 'H', tonumber(s[2]) or 0
if epoch ~= tonumber(ARGV[3]) or st == 'U' or st == 'D' or (st == 'P' and s[5] ~= ARGV[5]) then return {'S'} end

call('DEL', KEYS[1])
local now = tonumber(ARGV[1])
if not now then
  local t = call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
call('ZADD', KEYS[5], now, ARGV[2])
call('ZREMRANGEBYRANK', KEYS[5], 0, -1 - ARGV[14])
call('PEXPIRE', KEYS[5], forget)

local function rest()
  local length = tonumber(s[4]) or 0
  if length == 0 then length = tonumber(ARGV[8]) else length = math.min(2 * length, tonumber(ARGV[9])) end
  local till = now + math.floor(length * ARGV[10] + 0.5)
  call('HDEL', host, 'sus', 'lease', 'till', 'lvl', 'ok', 'tok', 'at')
  call('HSET', host, 'st', 'U', 'ep', epoch + 1, 'rest', length, 'since', now, 'until', till, 'say', ARGV[7])
  call('PEXPIRE', host, till - now + forget)
  return {'A', st, 'U', till}
end

local function climb()
  local level, successes = tonumber(s[6]), s[7] + 1
  if successes < ARGV[11] * 2 ^ level then
    call('HSET', host, 'ok', successes)
  elseif level + 1 < tonumber(ARGV[12]) then
    call('HSET', host, 'lvl', level + 1, 'ok', 0)
  else
    call('HDEL', host, 'rest', 'since', 'lvl', 'ok', 'tok', 'at', 'say')
    call('HSET', host, 'st', 'H', 'ep', epoch + 1)
    call('PEXPIRE', host, forget)
    return {'A', st, 'H', 0}
  end
  call('PEXPIRE', host, forget)
  return {'A', st, 'R', 0}
end

if st == 'H' then
  if outcome == 'ok' then
    call('HDEL', host, 'sus', 'say')
    return {'A', 'H', 'H', 0}
  end
  if outcome == 'soft' and (not s[3] or s[3] == ARGV[6]) then
    call('HSET', host, 'sus', ARGV[6], 'say', ARGV[7])
    call('PEXPIRE', host, forget)
    return {'A', 'H', 'H', 0}
  end
  return rest()
end
if outcome ~= 'ok' then return rest() end
if st == 'R' then return climb() end

call('HDEL', host, 'lease', 'till', 'since')
call('HSET', host, 'st', 'R', 'ep', epoch + 1, 'lvl', 0, 'ok', 0, 'tok', math.max(1, ARGV[11] / 4), 'at', now)
call('PEXPIRE', host, forget)
if call('EXISTS', KEYS[3]) == 1 then
  call('SADD', KEYS[4], ARGV[2])
  call('PEXPIRE', KEYS[4], forget)
end
return {'A', 'P', 'R', 0}
`;
