/** What the queues need to know; apps map settings to it. Every limit has its default here. */
import type { DestinationKey } from '@mailwheel/envelope';
import type { RedisClient } from './connect.ts';
import type { Oddity } from './types.ts';

export interface QueueOptions {
  /** From `connectRedis`, ready. Its owner closes it. */
  readonly client: RedisClient;
  /** From `connectRedis(..., 'blocking')`; absent: hints are polled for. One connection more is made for each further shard. */
  readonly blockingClient?: RedisClient;
  /** Default 1. */
  readonly shards?: number;
  /** Lock of a held job, milliseconds. Default 30000. */
  readonly lockMs?: number;
  /** All locks are renewed this often, milliseconds. Default 5000. */
  readonly renewMs?: number;
  /** The fence: a lock counts as lost this long before it runs out, milliseconds. Default 2000. */
  readonly lockMarginMs?: number;
  /** Somebody looks at a queue with active jobs at least this often, milliseconds. Default 5000. */
  readonly stalledMs?: number;
  /** The same for a paused queue, milliseconds. Default 300000. */
  readonly pausedLookMs?: number;
  /** A claimed destination is given to nobody else for so long, milliseconds. Default 1000. */
  readonly claimHoldMs?: number;
  /** Waiting work that a visit could not take is looked at again after this, milliseconds. Default 20. */
  readonly idleMs?: number;
  /**
   * Redis's clock, milliseconds: a deferral counts from it, so that a process whose own clock was set in the middle of an
   * attempt does not put a job off by an hour. Default: this machine's clock.
   */
  readonly nowMs?: () => number;
  /** Shown as processedBy in the dashboard; unique in the tier. */
  readonly workerName: string;
  /** Jobs of one destination under way at once, cluster-wide; undefined: no limit. */
  readonly concurrencyFor?: (destination: DestinationKey) => number | undefined;
  /** How long and how many bounced messages stay in their queue as failed jobs. Default 86400 s, 1000. */
  readonly bounced?: { readonly keepSeconds: number; readonly keepPerDestination: number };
  /** A job that was not ours or damaged was removed. */
  readonly onOddity?: (oddity: Oddity) => void;
  /** Jobs of dead owners went back to the head of their queue. */
  readonly onRecovered?: (destination: DestinationKey, jobIds: readonly string[]) => void;
  /** A renewal was refused: the job may already be elsewhere. */
  readonly onLockLost?: (destination: DestinationKey, jobId: string) => void;
  /** Failed jobs past their retention were removed. */
  readonly onForgotten?: (destination: DestinationKey, jobIds: readonly string[]) => void;
  /** A background task met an error (renewal, connection); it goes on. */
  readonly onError?: (error: unknown) => void;
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly client: RedisClient;
  readonly blockingClient: RedisClient | undefined;
  readonly shards: number;
  readonly lockMs: number;
  readonly renewMs: number;
  readonly lockMarginMs: number;
  readonly stalledMs: number;
  readonly pausedLookMs: number;
  readonly claimHoldMs: number;
  readonly idleMs: number;
  readonly nowMs: () => number;
  readonly workerName: string;
  readonly concurrencyFor: (destination: DestinationKey) => number | undefined;
  readonly bounced: { readonly keepSeconds: number; readonly keepPerDestination: number };
  readonly onOddity: (oddity: Oddity) => void;
  readonly onRecovered: (destination: DestinationKey, jobIds: readonly string[]) => void;
  readonly onLockLost: (destination: DestinationKey, jobId: string) => void;
  readonly onForgotten: (destination: DestinationKey, jobIds: readonly string[]) => void;
  readonly onError: (error: unknown) => void;
}

const nothing = (): void => undefined;
const unlimited = (): undefined => undefined;

/** Fills in defaults and asserts how the times relate. */
export function resolveOptions(options: QueueOptions): ResolvedOptions {
  const resolved: ResolvedOptions = {
    client: options.client,
    blockingClient: options.blockingClient,
    shards: options.shards ?? 1,
    lockMs: options.lockMs ?? 30_000,
    renewMs: options.renewMs ?? 5_000,
    lockMarginMs: options.lockMarginMs ?? 2_000,
    stalledMs: options.stalledMs ?? 5_000,
    pausedLookMs: options.pausedLookMs ?? 300_000,
    claimHoldMs: options.claimHoldMs ?? 1_000,
    idleMs: options.idleMs ?? 20,
    nowMs: options.nowMs ?? (() => Date.now()),
    workerName: options.workerName,
    concurrencyFor: options.concurrencyFor ?? unlimited,
    bounced: options.bounced ?? { keepSeconds: 86_400, keepPerDestination: 1_000 },
    onOddity: options.onOddity ?? nothing,
    onRecovered: options.onRecovered ?? nothing,
    onLockLost: options.onLockLost ?? nothing,
    onForgotten: options.onForgotten ?? nothing,
    onError: options.onError ?? nothing,
  };
  if (resolved.renewMs >= resolved.lockMs - resolved.lockMarginMs) {
    throw new RangeError(
      `a lock of ${resolved.lockMs} ms less its margin of ${resolved.lockMarginMs} ms must be longer than the renewal interval of ${resolved.renewMs} ms`,
    );
  }
  return resolved;
}
