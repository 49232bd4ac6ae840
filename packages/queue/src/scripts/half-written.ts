/**
 * Deletes a job hash that no list of its queue holds: what a script that failed half way inside EXEC leaves. Such a job is
 * never served and would make every later add of that id a no-op.
 *
 * KEYS[1] job (HASH)   KEYS[2..] lists and sorted sets that may hold it
 * ARGV[1] job id
 * Reply: 1 deleted, 0 it was none
 *
 * A key of the wrong type (the reason it failed, perhaps) holds no job. LPOS reads the whole list: this is the path of an
 * error, and a wrong deletion would cost more than the milliseconds.
 */
export const discardHalfWrittenScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for i = 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind == 'list' and redis.call('LPOS', KEYS[i], ARGV[1]) then return 0 end
  if kind == 'zset' and redis.call('ZSCORE', KEYS[i], ARGV[1]) then return 0 end
end
return redis.call('UNLINK', KEYS[1], KEYS[1] .. ':logs')
`;
