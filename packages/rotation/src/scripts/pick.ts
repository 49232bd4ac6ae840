/**
 * `pick`: whose turn it is among the hosts of a route, over all its tiers, in one atomic step (docs/algorithms.md, part A).
 * The health part makes the moves of `pickHealth`, `leaseProbe` and `takeToken` in `pacing`, the cursor part those of
 * `takeTurn` and `takeTurnOf`; the model test compares them answer by answer.
 *
 * KEYS[1]    void key: deleted before the first write, so that the script finishes on a full Redis
 * KEYS[2]    known cursors
 * KEYS[3..]  for each tier its cursor, then the host hashes in written order
 *
 * ARGV[1]  the caller's clock in ms, or '' for Redis's own
 * ARGV[2]  one character a host, in the order of KEYS, tiers separated by `|`: '0' plus 1 tried, 2 warm, 4 shy
 * ARGV[3]  lease id: becomes the owner of a probe
 * ARGV[4]  destination, for the waiting lists
 * ARGV[5]  settings as one string, read only where a host is not plainly healthy:
 *          ramp start (messages/s), probe lease ms, alone rest ms, shy ms, waiters max, waiter spread ms
 * ARGV[6]  'm' or 'c': turns are taken by message or by connection
 * ARGV[7]  place in KEYS of the host to prefer, or '0';  ARGV[8]  place in KEYS of its tier's cursor
 * ARGV[9]  forget ms: time to live of cursors and waiting lists;  ARGV[10]  initial connections;  ARGV[11] proven ms;
 * ARGV[12] known cursors max
 * ARGV[13..] pairs: host, successes since the last pick
 *
 * Keys made here carry the same tag: wait:<host>, waits:<destination>, limit:<host>.
 * Returns {place in KEYS, mode, epoch} with mode 0 go, 1 suspect, 2 ramp, 3 probe;
 *      or {0, retryAt ms, now ms, cause} with cause 0 resting, 1 busy, 2 ramp, 3 tried, 4 drained.
 */
export const pickScript: string = `
local call, byte, sub, max, min = redis.call, string.byte, string.sub, math.max, math.min
local flags = ARGV[2]
local now, rampStart, leaseMs, aloneMs, shyMs, waitersMax, spreadMs
local wet = false
local epoch, mode, left = {}, {}, {}
local up, busy, ramp, retry = false, false, false, math.huge
local resting, aloneRetry, aloneHost = {}, math.huge, nil

local function clock()
  if not now then
    now = tonumber(ARGV[1])
    if not now then
      local t = call('TIME')
      now = t[1] * 1000 + math.floor(t[2] / 1000)
    end
  end
  return now
end

local function prepare() -- for hosts that are not plainly healthy
  clock()
  if not rampStart then
    rampStart, leaseMs, aloneMs, shyMs, waitersMax, spreadMs = string.match(ARGV[5], '(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
    aloneMs, shyMs, leaseMs = tonumber(aloneMs), tonumber(shyMs), tonumber(leaseMs)
  end
end

local function write()
  if not wet then call('DEL', KEYS[1]); wet = true end
end

local function look(at, shy) -- a shy message waits longer, the others of its destination do not
  if at > now then return at end
  return at + shy
end

local function lease(at)
  write()
  call('HSET', KEYS[at], 'st', 'P', 'lease', ARGV[3], 'till', now + leaseMs)
  call('HDEL', KEYS[at], 'until')
  call('PEXPIRE', KEYS[at], ARGV[9])
  return {at, 3, tonumber(epoch[at]) or 0}
end

-- 1: eligible, 2: to be probed, nil: neither
local function consider(at, flag)
  local tried, shy = flag % 2 == 1, flag >= 4
  local s = call('HMGET', KEYS[at], 'st', 'ep', 'sus', 'full')
  local st = s[1]
  epoch[at] = s[2]
  if not st or st == 'H' then
    up = true
    if tried then return nil end
    if s[4] and flag % 4 < 2 and tonumber(s[4]) > clock() then busy = true; return nil end
    mode[at] = s[3] and 1 or 0
    return 1
  end
  if st == 'D' then return nil end
  prepare()
  local full = s[4] and flag % 4 < 2 and tonumber(s[4]) > now
  local d = call('HMGET', KEYS[at], 'lvl', 'tok', 'at', 'until', 'since', 'till')
  if st == 'R' then
    up = true
    if tried then return nil end
    local rate = rampStart * 2 ^ d[1]
    local tokens = min(max(1, rate / 4), d[2] + (now - d[3]) * rate / 1000)
    if tokens < 1 then
      ramp = true
      retry = min(retry, now + math.ceil((1 - tokens) * 1000 / rate))
      return nil
    end
    if full then busy = true; return nil end
    mode[at], left[at] = 2, tokens - 1
    return 1
  end
  local later = (shy or tried) and shyMs or 0
  local due = tonumber(st == 'U' and d[4] or d[6])
  if due + later <= now and not tried then
    if not full then return 2 end
    busy = true
  else
    local again = look(due, later)
    if st == 'P' then again = min(again, now + 1000) end
    retry = min(retry, again)
    if st == 'U' then
      local alone = min(due, d[5] + aloneMs)
      aloneRetry = min(aloneRetry, look(alone, later))
      if not tried and not full and not aloneHost and alone + later <= now then aloneHost = at end
    end
  end
  resting[#resting + 1] = at
  return nil
end

local function moved(turn, members) -- now and then: keep the cursor alive, known and small
  call('PEXPIRE', KEYS[turn], ARGV[9])
  call('ZADD', KEYS[2], clock(), sub(KEYS[turn], 13))
  call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[12])
  call('PEXPIRE', KEYS[2], ARGV[9])
  if call('HLEN', KEYS[turn]) > 2 * members + 32 then
    local keep = {_f = true}
    for at = turn + 1, turn + members do keep[sub(KEYS[at], 13)] = true end
    for _, field in ipairs(call('HKEYS', KEYS[turn])) do
      if not keep[field] then call('HDEL', KEYS[turn], field) end
    end
  end
end

local function take(at)
  if left[at] then
    write()
    call('HSET', KEYS[at], 'tok', left[at], 'at', now)
  end
  return {at, mode[at], tonumber(epoch[at]) or 0}
end

-- eligible: places of hosts; members: hosts of the tier; warm: only ask whose turn it is
local function turn(cursor, eligible, members, warm)
  local best, fewest, floor = eligible[1], nil, nil
  if members > 1 and (not warm or #eligible > 1) then
    local ask = {'HMGET', KEYS[cursor], '_f'}
    for i = 1, #eligible do ask[i + 3] = sub(KEYS[eligible[i]], 13) end
    local turns = call(unpack(ask))
    floor = tonumber(turns[1]) or 0
    for i = 1, #eligible do
      local v = max(tonumber(turns[i + 1]) or 0, floor)
      if not fewest or v < fewest then best, fewest = eligible[i], v end
    end
    if not warm then
      write()
      call('HSET', KEYS[cursor], sub(KEYS[best], 13), fewest + 1, '_f', fewest)
      if not turns[1] or fewest % 64 == 0 then moved(cursor, members) end
    end
  end
  return take(best)
end

for i = 13, #ARGV, 2 do
  local key = 'limit:{mw:h}:' .. ARGV[i]
  local l = call('HMGET', key, 'lim', 'won')
  local limit, won = tonumber(l[1]) or tonumber(ARGV[10]), (tonumber(l[2]) or 0) + ARGV[i + 1]
  write()
  if won >= limit then call('HDEL', 'host:{mw:h}:' .. ARGV[i], 'full') end
  while won >= limit and limit < 65536 do won, limit = won - limit, limit * 2 end
  call('HSET', key, 'lim', limit, 'won', min(won, limit))
  call('PEXPIRE', key, ARGV[11])
end

local function tierSize(from)
  local stop = string.find(flags, '|', from, true)
  return (stop or #flags + 1) - from
end

if ARGV[7] ~= '0' then
  local at, cursor = tonumber(ARGV[7]), tonumber(ARGV[8])
  local flag = byte(flags, at - 3) - 48
  if consider(at, flag) == 1 then
    local members = tierSize(cursor - 2)
    if members > 1 and (ARGV[6] == 'm' or flag % 4 < 2) then
      local name = sub(KEYS[at], 13)
      local turns = call('HMGET', KEYS[cursor], '_f', name)
      local v = max(tonumber(turns[2]) or 0, tonumber(turns[1]) or 0) + 1
      write()
      call('HSET', KEYS[cursor], name, v)
      if not turns[1] or v % 64 == 0 then moved(cursor, members) end
    end
    return take(at)
  end
  resting, aloneHost = {}, nil -- it is considered again in its place
end

local at, place, size = 3, 1, #flags
while place <= size do
  local cursor, eligible, warm, probe = at, {}, nil, nil
  local b = byte(flags, place)
  while b and b ~= 124 do
    at = at + 1
    local kind = consider(at, b - 48)
    if kind == 1 then
      eligible[#eligible + 1] = at
      if ARGV[6] == 'c' and (b - 48) % 4 >= 2 then
        warm = warm or {}
        warm[#warm + 1] = at
      end
    elseif kind == 2 then
      probe = probe or at
      resting[#resting + 1] = at
    end
    place = place + 1
    b = byte(flags, place)
  end
  if probe then return lease(probe) end
  if eligible[1] then return turn(cursor, warm or eligible, at - cursor, warm) end
  place, at = place + 1, at + 1
end

prepare()
if not up then
  if aloneHost then return lease(aloneHost) end
  retry = min(retry, aloneRetry)
end
if busy then return {0, min(retry, now + 1000), now, 1} end
if ramp then return {0, retry, now, 2} end
if up then return {0, now, now, 3} end
if #resting == 0 then return {0, now + aloneMs, now, 4} end

local mine, names = 'waits:{mw:h}:' .. ARGV[4], {}
for i = 1, #resting do names[i] = sub(KEYS[resting[i]], 13) end
local listed, wanted = call('GET', mine), table.concat(names, ' ')
if listed ~= wanted then
  write()
  for name in string.gmatch(listed or '', '%S+') do call('ZREM', 'wait:{mw:h}:' .. name, ARGV[4]) end
  for i = 1, #names do
    local key = 'wait:{mw:h}:' .. names[i]
    if call('ZCARD', key) < tonumber(waitersMax) then
      call('ZADD', key, now, ARGV[4])
      call('PEXPIRE', key, ARGV[9])
    end
  end
  call('SET', mine, wanted, 'PX', ARGV[9])
end
local rank = call('ZRANK', 'wait:{mw:h}:' .. names[1], ARGV[4]) or tonumber(waitersMax)
return {0, retry + min(rank * spreadMs, aloneMs), now, 0}
`;
