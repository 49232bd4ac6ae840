/** Which jobs a message becomes, and on which shard a destination lives. Deterministic: a sweeper that splits again gets the same parts. */
import type { DestinationKey, Recipient } from './types.ts';

/** Recipients of one job at most; more of one destination are split at accept. */
export const recipientsPerJobDefault = 100;

export interface JobPart {
  /** Counts from 0 over the whole message; second half of the job id. */
  readonly part: number;
  readonly destination: DestinationKey;
  /** `index` of each recipient, in envelope order. */
  readonly indices: readonly number[];
}

export interface SplitOptions {
  readonly recipientsPerJobMax?: number;
}

/** Groups recipients by destination in the order the destinations were first seen, at most `recipientsPerJobMax` a part. */
export function splitIntoJobs(
  recipients: readonly Pick<Recipient, 'index' | 'destination'>[],
  options: SplitOptions = {},
): JobPart[] {
  const max = options.recipientsPerJobMax ?? recipientsPerJobDefault;
  if (!Number.isInteger(max) || max < 1)
    throw new RangeError(`recipientsPerJobMax must be at least 1, not ${max}`);
  const groups = new Map<DestinationKey, number[]>();
  for (const recipient of recipients) {
    const group = groups.get(recipient.destination);
    if (group === undefined) groups.set(recipient.destination, [recipient.index]);
    else group.push(recipient.index);
  }
  const parts: JobPart[] = [];
  for (const [destination, indices] of groups) {
    for (let from = 0; from < indices.length; from += max) {
      parts.push({ part: parts.length, destination, indices: indices.slice(from, from + max) });
    }
  }
  return parts;
}

/** FNV-1a, 32 bits, over the characters of an ASCII text (each is a byte). For spreading and telling apart, not for secrets. */
export function fnv1a32(ascii: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < ascii.length; at++) {
    hash = Math.imul(hash ^ ascii.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}

/** Shard of a destination: FNV-1a of its key, modulo the number of shards. Every process must agree, so it never changes. */
export function shardOf(destination: DestinationKey, shards: number): number {
  if (!Number.isInteger(shards) || shards < 1)
    throw new RangeError(`shards must be at least 1, not ${shards}`);
  return fnv1a32(destination) % shards;
}
