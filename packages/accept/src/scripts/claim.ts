/**
 * claim: reserves an Idempotency-Key for a message id and number, before the message is stored.
 *
 * KEYS[1] the key. ARGV[1] digest of the request, ARGV[2] message id, ARGV[3] message number, ARGV[4] milliseconds it is
 * remembered, ARGV[5] id of an earlier claim that this one replaces (its message was revoked), or empty.
 * Reply: [digest, message id, message number, `1` if confirmed]: of this claim, or of the one that stands.
 */
export const claimLua = `
local was = redis.call('HMGET', KEYS[1], 'digest', 'id', 'n', 'ok')
if not was[1] or (was[2] == ARGV[5] and was[1] == ARGV[1] and not was[4]) then
  redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'id', ARGV[2], 'n', ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return {ARGV[1], ARGV[2], ARGV[3], ''}
end
return {was[1], was[2], was[3], was[4] or ''}
`;

/**
 * confirm: the message of a claim is stored. A claim that is gone (a twin of this request failed and released it) is made
 * anew.
 *
 * KEYS[1] the key. ARGV[1] digest, ARGV[2] message id, ARGV[3] message number, ARGV[4] milliseconds it is remembered.
 * Reply: `confirmed`, or `foreign` if the key is another message's by now.
 */
export const confirmLua = `
local id = redis.call('HGET', KEYS[1], 'id')
if id and id ~= ARGV[2] then return 'foreign' end
redis.call('HSET', KEYS[1], 'digest', ARGV[1], 'id', ARGV[2], 'n', ARGV[3], 'ok', '1')
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 'confirmed'
`;

/**
 * release: nothing was stored; the key is free again. Only for an unconfirmed claim of this message.
 *
 * KEYS[1] the key. ARGV[1] message id.
 */
export const releaseLua = `
local was = redis.call('HMGET', KEYS[1], 'id', 'ok')
if was[1] == ARGV[1] and not was[2] then return redis.call('DEL', KEYS[1]) end
return 0
`;
