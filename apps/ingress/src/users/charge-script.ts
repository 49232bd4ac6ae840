/**
 * `charge`: takes one message and its recipients from what a user may send in this minute, or nothing if that is too much.
 *
 * KEYS[1] hash of the user: `t` minute, `m` messages and `r` recipients in it
 * ARGV[1] recipients of the message;  ARGV[2] messages a minute at most;  ARGV[3] recipients a minute at most (0: no limit)
 *
 * The minute is that of Redis's clock: processes whose clocks differ count into the same one.
 * Returns 0: charged; 1: too many messages; 2: too many recipients.
 */
export const chargeScript: string = `
local minute = math.floor(redis.call('TIME')[1] / 60)
local kept = redis.call('HMGET', KEYS[1], 't', 'm', 'r')
local messages, recipients = 0, 0
if tonumber(kept[1]) == minute then
  messages, recipients = tonumber(kept[2]), tonumber(kept[3])
end
messages = messages + 1
recipients = recipients + ARGV[1]
local messagesMax, recipientsMax = tonumber(ARGV[2]), tonumber(ARGV[3])
if messagesMax > 0 and messages > messagesMax then return 1 end
if recipientsMax > 0 and recipients > recipientsMax then return 2 end
redis.call('HSET', KEYS[1], 't', minute, 'm', messages, 'r', recipients)
redis.call('EXPIRE', KEYS[1], 120)
return 0
`;
