/**
 * record: final results and ledger lines of one attempt. The first final result of a recipient stands. When the last
 * recipient is final the message is settled: its body goes (or stays for `keepMs` when somebody did not get it) and
 * record and ledger expire. Repeating it changes nothing. Works on a full Redis: DEL goes first.
 *
 * A message that is settled by its first attempt, which is nearly all mail, keeps its ledger lines in the record (field
 * `l`): two commands and a key less. Every other ledger is a list (field `led` says so).
 *
 * KEYS[1] record, KEYS[2] body, KEYS[3] ledger, KEYS[4] scratch, KEYS[5] backlog counter.
 * ARGV[1] keepMs: how long a body is kept that somebody did not get; 0: not.
 * ARGV[2] tombstoneMs: how long a settled record is kept. ARGV[3] lines a ledger holds at most.
 * ARGV[4] number of results n; then n triples: recipient index, result, `1` if the recipient did not get it else `0`;
 * then the ledger lines.
 * Reply: [recipients open, index taken, ...]; [0] if there is no record or it is revoked.
 */
import type { ScriptDefinition } from '../define-script.ts';

export const recordScript: ScriptDefinition = {
  name: 'mwSpoolRecord',
  keys: 5,
  lua: `
local was = redis.call('HMGET', KEYS[1], 'st', 'open', 'bad', 'led', 'l')
local state, open = was[1], tonumber(was[2])
if not open or state == 'revoked' then return {0} end
redis.call('DEL', KEYS[4])
local wasOpen, bad = open, tonumber(was[3] or 0)
local reply, set = {0}, {}
local at = 5
for _ = 1, tonumber(ARGV[4]) do
  if redis.call('HSETNX', KEYS[1], 'r' .. ARGV[at], ARGV[at + 1]) == 1 then
    open = open - 1
    if ARGV[at + 2] == '1' then bad = bad + 1 end
    reply[#reply + 1] = tonumber(ARGV[at])
  end
  at = at + 3
end
reply[1] = open
local settles = open == 0 and wasOpen > 0

local list, lines = was[4], #ARGV - at + 1
if lines > 0 then
  local inline = lines == 1 and ARGV[at] or table.concat(ARGV, ',', at)
  if settles and not list and not was[5] then
    set[#set + 1] = 'l'
    set[#set + 1] = inline
  elseif inline ~= was[5] and not (list and redis.call('LPOS', KEYS[3], ARGV[#ARGV])) then
    local length = redis.call('RPUSH', KEYS[3], unpack(ARGV, at))
    if length > tonumber(ARGV[3]) then redis.call('LTRIM', KEYS[3], -tonumber(ARGV[3]), -1) end
    if not list then
      set[#set + 1] = 'led'
      set[#set + 1] = '1'
      list = '1'
    end
    if open == 0 and not settles then redis.call('PEXPIRE', KEYS[3], redis.call('PTTL', KEYS[1])) end
  end
end

if open < wasOpen then
  set[#set + 1] = 'open'
  set[#set + 1] = open
  if bad > 0 then
    set[#set + 1] = 'bad'
    set[#set + 1] = bad
  end
end
if settles then
  set[#set + 1] = 'st'
  set[#set + 1] = 'settled'
end
if #set > 0 then redis.call('HSET', KEYS[1], unpack(set)) end
if settles then
  local ttl, keep = tonumber(ARGV[2]), tonumber(ARGV[1])
  if bad > 0 and keep > 0 then
    redis.call('PEXPIRE', KEYS[2], keep)
    ttl = math.max(ttl, keep)
  else
    redis.call('UNLINK', KEYS[2])
  end
  redis.call('PEXPIRE', KEYS[1], ttl)
  if list then redis.call('PEXPIRE', KEYS[3], ttl) end
  redis.call('DECR', KEYS[5])
end
return reply
`,
};
