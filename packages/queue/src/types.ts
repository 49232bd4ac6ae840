/**
 * Destination queues (BullMQ, one per destination) and the due index over them (algorithm B). The only package that knows
 * BullMQ. No `Worker`, and no `Queue` but in the console.
 *
 * Every method rejects with `QueueUnavailable` when Redis did not do what was asked; refused moves are values.
 */
import type { DestinationKey, JobData, JobId, Priority } from '@mailwheel/envelope';
import type { ChainableCommander } from 'ioredis';

/** A job to be written by an accept, into the caller's MULTI. */
export interface NewJob {
  readonly id: JobId;
  readonly destination: DestinationKey;
  readonly data: JobData;
  readonly priority: Priority;
  readonly delayMs?: number;
}

/** A job this process holds the lock of. */
export interface HeldJob {
  readonly id: JobId;
  readonly destination: DestinationKey;
  readonly data: JobData;
  /** Attempts that ended (BullMQ `atm`). */
  readonly attemptsMade: number;
  /** Times its owner vanished (BullMQ `stc`): the crash count of the quarantine. */
  readonly stalledCount: number;
  readonly token: string;
}

export type Taken =
  | { readonly kind: 'job'; readonly job: HeldJob }
  /** Nothing to take now: empty, only delayed, paused, at its concurrency. `settle` learns which. */
  | { readonly kind: 'nothing' };

/**
 * The move was refused: the lock is lost or the job is gone. Nothing was changed. Codes are BullMQ's: -1 no such job,
 * -2 no lock, -3 not active, -6 somebody else's lock.
 */
export type MoveRefusal = { readonly kind: 'refused'; readonly code: number };

export interface Claim {
  /** Redis's clock. */
  readonly nowMs: number;
  readonly destinations: readonly DestinationKey[];
  /** Score of the earliest entry that was not claimed; undefined: none. */
  readonly nextDueMs?: number;
}

export interface Deferral {
  readonly delayMs: number;
  readonly data: JobData;
  /** Shown in the dashboard: the last reply. */
  readonly reason: string;
  readonly countAttempt: boolean;
  /** Refused by every host: promoted when one of them comes back (`promoteParked`). */
  readonly parked: boolean;
}

export interface DestinationState {
  readonly destination: DestinationKey;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  readonly paused: boolean;
  readonly dueAtMs?: number;
  /** When the oldest waiting or delayed job was accepted. */
  readonly oldestAtMs?: number;
}

export interface QueueTotals {
  readonly destinations: number;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  readonly paused: number;
  readonly oldestAtMs?: number;
}

export type JobState = 'waiting' | 'active' | 'delayed' | 'failed';

/** A job as it lies in the queue: for people and for the sweeper, not for delivery. */
export interface JobView {
  readonly id: string;
  readonly destination: DestinationKey;
  readonly state: JobState;
  /** Undefined when it is not ours: typed in by hand, or damaged. */
  readonly data?: JobData;
  readonly attemptsMade: number;
  readonly stalledCount: number;
  readonly acceptedAtMs: number;
  /** When a delayed job is tried again. */
  readonly nextAttemptAtMs?: number;
  readonly reason?: string;
}

export interface SweepPortion {
  /** Pass it on; `'0'`: the sweep is complete. */
  readonly cursor: string;
  readonly examined: number;
  /** Queues that were not indexed or indexed too late: foreign hands, or a console killed between act and touch. */
  readonly repaired: readonly DestinationKey[];
}

/** A job that is none of ours or was damaged; it was removed from the queue. The sweeper re-makes it from its record. */
export interface Oddity {
  readonly kind: 'ghost' | 'malformed' | 'foreign';
  readonly destination: DestinationKey;
  readonly jobId: string;
  readonly detail: string;
}

export interface DestinationQueues {
  /** Adds job, `meta` limits and due-index entry to a MULTI on the shard of the destination (from `transaction(shard)`). */
  addToTransaction(multi: ChainableCommander, job: NewJob): Promise<void>;
  /**
   * A MULTI on BullMQ's own client of that shard; the caller adds its own commands, runs `exec()` and checks every reply
   * (`assertExec`). When a script was lost (NOSCRIPT) the connection is renewed, after which the next MULTI works.
   */
  transaction(shard: number): Promise<ChainableCommander>;
  /** Deletes half-written jobs after an EXEC in which an entry failed. */
  discardHalfWritten(jobs: readonly NewJob[]): Promise<void>;

  claim(shard: number, countMax: number): Promise<Claim>;
  /** Resolves when a hint arrives or after `timeoutMs`; never rejects. */
  awaitHint(shard: number, timeoutMs: number): Promise<void>;
  take(destination: DestinationKey): Promise<Taken>;
  /**
   * Writes its command to the connection before it returns (no await in front): the worker sends the spool's record script
   * and this move back to back. After `QueueUnavailable` call it again: if the first one ran, the answer is `refused` with
   * code -1 (no such job), which means done. The lock is renewed until an answer came (or `release`).
   */
  complete(job: HeldJob, fetchNext: boolean): Promise<Taken | MoveRefusal>;
  defer(job: HeldJob, deferral: Deferral, fetchNext: boolean): Promise<Taken | MoveRefusal>;
  fail(
    job: HeldJob,
    failure: { readonly data: JobData; readonly reason: string },
    fetchNext: boolean,
  ): Promise<Taken | MoveRefusal>;
  /** Not an attempt: back to the head of the queue. */
  giveBack(job: HeldJob): Promise<void | MoveRefusal>;
  log(job: HeldJob, line: string): Promise<void>;
  settle(
    destination: DestinationKey,
    visit: { readonly took: boolean; readonly notBeforeMs?: number },
  ): Promise<void>;
  /** Brings the destination forward in the index; before and after every operator act. */
  touch(destination: DestinationKey): Promise<void>;
  promoteParked(
    destination: DestinationKey,
    countMax: number,
  ): Promise<{ readonly promoted: number; readonly left: number }>;

  /** True while the lock is certain on the monotonic clock: last renewal + lock - 2 s. Synchronous: the fence. */
  lockIsCertain(job: HeldJob): boolean;
  /** Renews now; false: the lock is lost. */
  renewLock(job: HeldJob): Promise<boolean>;
  /** Stops renewing a job whose move will not be tried again; its lock runs out by itself. */
  release(job: HeldJob): void;
  heldJobs(): number;

  /** Settles a portion of all queues of the shard, indexed or not. Start with `'0'`, pass the cursor on until it is `'0'`. */
  sweep(shard: number, cursor: string): Promise<SweepPortion>;

  /** Busiest first; looks at a bounded number of destinations, those due earliest. */
  destinations(limit: number): Promise<DestinationState[]>;
  /** State of the named destinations, in that order; of an empty queue everything is 0. */
  states(destinations: readonly DestinationKey[]): Promise<DestinationState[]>;
  totals(): Promise<QueueTotals>;
  /** Jobs `from`..`to` (inclusive, from 0) of one state, next to be served first. */
  jobs(destination: DestinationKey, state: JobState, from: number, to: number): Promise<JobView[]>;
  job(destination: DestinationKey, id: JobId): Promise<JobView | undefined>;

  /** Takes the job out of the queue; the record is the caller's to finish. `active`: a worker holds it. */
  removeJob(destination: DestinationKey, id: JobId): Promise<'removed' | 'missing' | 'active'>;
  /** A failed job waits again, with its attempts counted from 0. False: it was not failed. */
  retryFailed(destination: DestinationKey, id: JobId): Promise<boolean>;
  /** A delayed job waits now. False: it was not delayed. */
  promote(destination: DestinationKey, id: JobId): Promise<boolean>;
  pause(destination: DestinationKey): Promise<void>;
  resume(destination: DestinationKey): Promise<void>;

  close(): Promise<void>;
}
