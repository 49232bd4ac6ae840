/**
 * Destination queues (BullMQ, one per destination) and the due index over them (algorithm B). The only package that knows
 * BullMQ. No `Worker`, and no `Queue` but in the console.
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

/** The move was refused: the lock is lost or the job is gone. Nothing was changed. */
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

export interface DestinationQueues {
  /** Adds job, `meta` limits and due-index entry to a MULTI on the shard of the destination (from `transaction(shard)`). */
  addToTransaction(multi: ChainableCommander, job: NewJob): Promise<void>;
  /** A MULTI on BullMQ's own client of that shard; the caller adds its own commands and checks every reply of exec. */
  transaction(shard: number): Promise<ChainableCommander>;
  /** Deletes half-written jobs after an EXEC in which an entry failed. */
  discardHalfWritten(jobs: readonly NewJob[]): Promise<void>;

  claim(shard: number, countMax: number): Promise<Claim>;
  /** Resolves when a hint arrives or after `timeoutMs`. */
  awaitHint(shard: number, timeoutMs: number): Promise<void>;
  take(destination: DestinationKey): Promise<Taken>;
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
  heldJobs(): number;

  destinations(limit: number): Promise<DestinationState[]>;
  close(): Promise<void>;
}
