/**
 * create: writes a record unless there is one. Runs inside the MULTI of an accept, after `SET body NX`, as EVAL with its
 * text: EVALSHA inside a MULTI could fail for a script the server forgot, and the text costs about 1 us to hash.
 *
 * An existing record is left alone, whatever its state. That makes a re-run (a bounce, an Idempotency-Key) add nothing, and
 * lets a tombstone `revoked` stop a transaction that a frozen Redis executes after its client gave up.
 *
 * KEYS[1] record, KEYS[2] body, KEYS[3] backlog counter.
 * ARGV[1] envelope in short form, ARGV[2] state (`staged` or `committed`), ARGV[3] number of recipients.
 * Reply: `record:created`, or `record:<state>` of the record that was there.
 */
export const createLua = `
local state = redis.call('HGET', KEYS[1], 'st')
if state then
  if (state == 'settled' or state == 'revoked') and redis.call('PTTL', KEYS[2]) == -1 then
    redis.call('UNLINK', KEYS[2])
  end
  return 'record:' .. state
end
redis.call('HSET', KEYS[1], 'env', ARGV[1], 'st', ARGV[2], 'open', ARGV[3], 'new', '1')
redis.call('INCR', KEYS[3])
return 'record:created'
`;
