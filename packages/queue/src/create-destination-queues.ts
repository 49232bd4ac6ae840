/** The queues of one process, put together. */
import type { DestinationKey, JobId } from '@mailwheel/envelope';
import type { ChainableCommander } from 'ioredis';
import { Adding } from './adding.ts';
import { Backends } from './backends.ts';
import { DueIndex, type Visit } from './due-index.ts';
import { QueueUnavailable } from './errors.ts';
import { HeldLocks } from './held-locks.ts';
import { Hints } from './hints.ts';
import { Moves } from './moves.ts';
import { OperatorActs } from './operator-acts.ts';
import { resolveOptions, type QueueOptions } from './options.ts';
import { Reading } from './reading.ts';
import { Sweep } from './sweep.ts';
import type {
  Claim,
  Deferral,
  DestinationQueues,
  DestinationState,
  HeldJob,
  JobState,
  JobView,
  MoveRefusal,
  NewJob,
  QueueTotals,
  SweepPortion,
  Taken,
} from './types.ts';

/**
 * Opens the queues over a connection that is ready. One timer and no listener per destination.
 * @throws {QueueUnavailable} when Redis does not answer.
 */
export async function createDestinationQueues(options: QueueOptions): Promise<DestinationQueues> {
  const resolved = resolveOptions(options);
  let backends: Backends;
  try {
    backends = await Backends.open(resolved);
  } catch (error) {
    throw new QueueUnavailable('opening the queues', error);
  }
  const locks = new HeldLocks(backends, resolved);
  const dueIndex = new DueIndex(backends, resolved);
  return new Queues({
    backends,
    locks,
    dueIndex,
    adding: new Adding(backends, resolved),
    hints: new Hints(resolved),
    moves: new Moves(backends, locks, resolved),
    reading: new Reading(backends, resolved),
    operator: new OperatorActs(backends, dueIndex),
    sweep: new Sweep(backends, dueIndex),
  });
}

interface Parts {
  readonly backends: Backends;
  readonly locks: HeldLocks;
  readonly dueIndex: DueIndex;
  readonly adding: Adding;
  readonly hints: Hints;
  readonly moves: Moves;
  readonly reading: Reading;
  readonly operator: OperatorActs;
  readonly sweep: Sweep;
}

class Queues implements DestinationQueues {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  addToTransaction(multi: ChainableCommander, job: NewJob): Promise<void> {
    return this.#parts.adding.addToTransaction(multi, job);
  }

  async transaction(shard: number): Promise<ChainableCommander> {
    return this.#parts.adding.transaction(shard);
  }

  discardHalfWritten(jobs: readonly NewJob[]): Promise<void> {
    return this.#parts.adding.discardHalfWritten(jobs);
  }

  claim(shard: number, countMax: number): Promise<Claim> {
    return this.#parts.dueIndex.claim(shard, countMax);
  }

  awaitHint(shard: number, timeoutMs: number): Promise<void> {
    return this.#parts.hints.await(shard, timeoutMs);
  }

  take(destination: DestinationKey): Promise<Taken> {
    return this.#parts.moves.take(destination);
  }

  complete(job: HeldJob, fetchNext: boolean): Promise<Taken | MoveRefusal> {
    return this.#parts.moves.complete(job, fetchNext);
  }

  defer(job: HeldJob, deferral: Deferral, fetchNext: boolean): Promise<Taken | MoveRefusal> {
    return this.#parts.moves.defer(job, deferral, fetchNext);
  }

  fail(
    job: HeldJob,
    failure: { readonly data: HeldJob['data']; readonly reason: string },
    fetchNext: boolean,
  ): Promise<Taken | MoveRefusal> {
    return this.#parts.moves.fail(job, failure, fetchNext);
  }

  giveBack(job: HeldJob): Promise<void | MoveRefusal> {
    return this.#parts.moves.giveBack(job);
  }

  log(job: HeldJob, line: string): Promise<void> {
    return this.#parts.moves.log(job, line);
  }

  async settle(destination: DestinationKey, visit: Visit): Promise<void> {
    await this.#parts.dueIndex.settle(destination, visit);
  }

  touch(destination: DestinationKey): Promise<void> {
    return this.#parts.dueIndex.touch(destination);
  }

  promoteParked(
    destination: DestinationKey,
    countMax: number,
  ): Promise<{ readonly promoted: number; readonly left: number }> {
    return this.#parts.operator.promoteParked(destination, countMax);
  }

  lockIsCertain(job: HeldJob): boolean {
    return this.#parts.locks.isCertain(job);
  }

  renewLock(job: HeldJob): Promise<boolean> {
    return this.#parts.locks.renew(job);
  }

  release(job: HeldJob): void {
    this.#parts.locks.release(job);
  }

  heldJobs(): number {
    return this.#parts.locks.size;
  }

  sweep(shard: number, cursor: string): Promise<SweepPortion> {
    return this.#parts.sweep.portion(shard, cursor);
  }

  destinations(limit: number): Promise<DestinationState[]> {
    return this.#parts.reading.busiest(limit);
  }

  states(destinations: readonly DestinationKey[]): Promise<DestinationState[]> {
    return this.#parts.reading.states(destinations);
  }

  totals(): Promise<QueueTotals> {
    return this.#parts.reading.totals();
  }

  jobs(destination: DestinationKey, state: JobState, from: number, to: number): Promise<JobView[]> {
    return this.#parts.reading.jobs(destination, state, { from, to });
  }

  job(destination: DestinationKey, id: JobId): Promise<JobView | undefined> {
    return this.#parts.reading.job(destination, id);
  }

  removeJob(destination: DestinationKey, id: JobId): Promise<'removed' | 'missing' | 'active'> {
    return this.#parts.operator.removeJob(destination, id);
  }

  retryFailed(destination: DestinationKey, id: JobId): Promise<boolean> {
    return this.#parts.operator.retryFailed(destination, id);
  }

  promote(destination: DestinationKey, id: JobId): Promise<boolean> {
    return this.#parts.operator.promote(destination, id);
  }

  pause(destination: DestinationKey): Promise<void> {
    return this.#parts.operator.pause(destination, true);
  }

  resume(destination: DestinationKey): Promise<void> {
    return this.#parts.operator.pause(destination, false);
  }

  async close(): Promise<void> {
    this.#parts.locks.close();
    this.#parts.hints.close();
    await this.#parts.backends.close();
  }
}
