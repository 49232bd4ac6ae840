/**
 * Ids of messages and of their jobs. A message id names its home shard, so that whoever holds the id finds the record
 * without asking; a job id names its message and its part. Neither is ever digits only (BullMQ reads such ids as its own
 * counters) and neither holds a `:` (BullMQ's separator).
 */
import type { JobId, MessageId } from './types.ts';

/** Two base-36 digits hold the home shard. */
export const shardsMax = 1296;
/** 26 base-32 characters take 130 bits, 2 bits less than 17 bytes minus their padding. */
export const messageIdRandomBytes = 17;

const base32 = 'abcdefghijklmnopqrstuvwxyz234567';
const randomCharacters = 26;
const messagePattern = /^m[0-9a-z]{2}[a-z2-7]{26}$/;
const jobPattern = /^(m[0-9a-z]{2}[a-z2-7]{26})-(0|[1-9][0-9]{0,3})$/;

/**
 * Makes a message id: `m`, the home shard as two base-36 digits, 130 of the given bits in base 32.
 * The bytes come from the caller (a secure random source, or a digest where a re-run must give the same id).
 */
export function createMessageId(randomBytes: Uint8Array, homeShardNumber: number): MessageId {
  if (randomBytes.length < messageIdRandomBytes) {
    throw new RangeError(
      `a message id takes ${messageIdRandomBytes} random bytes, not ${randomBytes.length}`,
    );
  }
  if (!Number.isInteger(homeShardNumber) || homeShardNumber < 0 || homeShardNumber >= shardsMax) {
    throw new RangeError(`a home shard is an integer from 0 to ${shardsMax - 1}, not ${homeShardNumber}`);
  }
  let characters = '';
  let bits = 0;
  let held = 0;
  for (const byte of randomBytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5 && characters.length < randomCharacters) {
      bits -= 5;
      characters += base32.charAt((held >>> bits) & 31);
    }
    held &= (1 << bits) - 1;
    if (characters.length === randomCharacters) break;
  }
  return `m${homeShardNumber.toString(36).padStart(2, '0')}${characters}` as MessageId;
}

/** Shard that holds the message's record and body. */
export function homeShard(id: MessageId): number {
  return Number.parseInt(id.slice(1, 3), 36);
}

/** Reads a message id; undefined if the text is none (it came from a client or an operator). */
export function parseMessageId(text: string): MessageId | undefined {
  return messagePattern.test(text) ? (text as MessageId) : undefined;
}

/** Id of one part of a message; parts count from 0 (`splitIntoJobs`). */
export function jobId(messageId: MessageId, part: number): JobId {
  if (!Number.isInteger(part) || part < 0 || part > 9999) {
    throw new RangeError(`a part is an integer from 0 to 9999, not ${part}`);
  }
  return `${messageId}-${part}` as JobId;
}

/** Reads a job id back; undefined if the text is none. */
export function parseJobId(
  text: string,
): { readonly messageId: MessageId; readonly part: number } | undefined {
  const match = jobPattern.exec(text);
  if (match === null) return undefined;
  return { messageId: match[1] as MessageId, part: Number(match[2]) };
}
