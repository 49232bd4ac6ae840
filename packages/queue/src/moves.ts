/**
 * Taking a job and ending its stay: complete, defer, fail, give back, each with the next job of the same queue in the same
 * script. Decides nothing; sees to it that what is handed out is a job of ours, and that a refusal is a value.
 */
import type { DestinationKey } from '@mailwheel/envelope';
import { raw2NextJobData } from 'bullmq';
import type { Backends, DestinationBackend } from './backends.ts';
import { QueueUnavailable } from './errors.ts';
import type { HeldLocks } from './held-locks.ts';
import { jobName, readJobData } from './job-data.ts';
import type { ResolvedOptions } from './options.ts';
import type { Deferral, HeldJob, MoveRefusal, Taken } from './types.ts';

/** What a move must know of a job's stored options; ours never differ. */
const jobOptions = { attempts: 1_000_000 } as const;

const refusalCodes: readonly number[] = [-1, -2, -3, -6];

/** Lines of a job's log in the dashboard. */
export const keptLogLines = 50;

interface Hold {
  readonly token: string;
  /** Monotonic milliseconds before the command that took the lock was sent. */
  readonly sentAtMs: number;
}

/** What BullMQ's fetch gives: the job or null, and its id. */
type Fetched = [job: FetchedJob | null | undefined, id: string | undefined];

interface FetchedJob {
  readonly name?: string;
  readonly data?: string;
  readonly attemptsMade: number;
  readonly stalledCounter: number;
}

export class Moves {
  readonly #backends: Backends;
  readonly #locks: HeldLocks;
  readonly #options: ResolvedOptions;
  /** Makes tokens differ between takes: a late answer to an old hold cannot touch a new one. */
  #takes = 0;

  constructor(backends: Backends, locks: HeldLocks, options: ResolvedOptions) {
    this.#backends = backends;
    this.#locks = locks;
    this.#options = options;
  }

  async take(destination: DestinationKey): Promise<Taken> {
    const of = this.#backends.of(destination);
    const hold = { token: `${this.#options.workerName}:${++this.#takes}`, sentAtMs: performance.now() };
    let fetched: unknown[];
    try {
      fetched = await of.backend.moveToActive(hold.token, this.#options.workerName);
    } catch (error) {
      throw new QueueUnavailable(`taking a job of ${destination}`, error);
    }
    return this.#held(of, fetched, hold);
  }

  complete(job: HeldJob, fetchNext: boolean): Promise<Taken | MoveRefusal> {
    const of = this.#backends.of(job.destination);
    const input = of.backend.moveToCompletedArgs(
      { id: job.id, opts: jobOptions } as never,
      null,
      true,
      job.token,
      fetchNext,
    );
    return this.#move(of, job, () => this.#backends.run(of, 'moveToFinished', input));
  }

  fail(
    job: HeldJob,
    failure: { readonly data: HeldJob['data']; readonly reason: string },
    fetchNext: boolean,
  ): Promise<Taken | MoveRefusal> {
    const of = this.#backends.of(job.destination);
    const { keepSeconds, keepPerDestination } = this.#options.bounced;
    const keep = keepSeconds > 0 && keepPerDestination > 0;
    const input = of.backend.moveToFailedArgs(
      { id: job.id, opts: jobOptions } as never,
      failure.reason,
      // Age and number are the settle script's to enforce: it also reaches queues in which nothing fails any more.
      !keep,
      job.token,
      fetchNext,
      keep
        ? { data: JSON.stringify(failure.data), failedReason: failure.reason, stacktrace: '[]' }
        : undefined,
    );
    return this.#move(of, job, () => this.#backends.run(of, 'moveToFinished', input));
  }

  defer(job: HeldJob, deferral: Deferral, fetchNext: boolean): Promise<Taken | MoveRefusal> {
    const of = this.#backends.of(job.destination);
    const nowMs = this.#options.nowMs();
    const delayMs = Math.max(0, Math.round(deferral.delayMs));
    const input = of.backend.moveToDelayedArgs(job.id, nowMs, job.token, delayMs, {
      fetchNext,
      skipAttempt: !deferral.countAttempt,
      fieldsToUpdate: {
        data: JSON.stringify(deferral.data),
        failedReason: deferral.reason,
        stacktrace: '[]',
      },
    });
    if (!deferral.parked) return this.#move(of, job, () => this.#backends.run(of, 'moveToDelayed', input));
    return this.#move(of, job, () => {
      const moved = this.#backends.run(of, 'moveToDelayed', input);
      // Behind the move on the same connection, where Redis runs both without anything in between. No MULTI: at maxmemory
      // Redis refuses every command inside one. If only the move arrives, the job keeps to its schedule.
      this.#backends.client
        .mwPark(of.parked, `${of.base}delayed`, job.id, nowMs + delayMs)
        .catch(this.#options.onError);
      return moved;
    });
  }

  async giveBack(job: HeldJob): Promise<void | MoveRefusal> {
    const { backend } = this.#backends.of(job.destination);
    try {
      await backend.moveJobFromActiveToWait(job.id, job.token);
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (typeof code !== 'number' || !refusalCodes.includes(code)) {
        throw new QueueUnavailable(`giving back ${job.id}`, error);
      }
      this.#locks.release(job);
      return { kind: 'refused', code };
    }
    this.#locks.release(job);
  }

  async log(job: HeldJob, line: string): Promise<void> {
    try {
      await this.#backends.of(job.destination).backend.addLog(job.id, line, keptLogLines);
    } catch (error) {
      // The job may have ended meanwhile: its log went with it.
      if (typeof (error as { code?: unknown }).code === 'number') return;
      throw new QueueUnavailable(`logging for ${job.id}`, error);
    }
  }

  /** `send` is called before anything is awaited: its command is on the wire when the caller goes on. */
  async #move(
    of: DestinationBackend,
    job: HeldJob,
    send: () => Promise<unknown>,
  ): Promise<Taken | MoveRefusal> {
    const hold = { token: job.token, sentAtMs: performance.now() };
    let reply: unknown;
    try {
      reply = await send();
    } catch (error) {
      // Still held and renewed: it may not have run, and then the next try needs the lock.
      throw new QueueUnavailable(`moving ${job.id} of ${job.destination}`, error);
    }
    if (typeof reply === 'number' && reply < 0) {
      if (!refusalCodes.includes(reply)) {
        throw new QueueUnavailable(`moving ${job.id} of ${job.destination}`, `BullMQ answered ${reply}`);
      }
      this.#locks.release(job);
      return { kind: 'refused', code: reply };
    }
    this.#locks.release(job);
    return this.#held(of, Array.isArray(reply) ? raw2NextJobData(reply) : [], hold);
  }

  /** What was fetched, if it is a job of ours; anything else is taken out of the queue, and the next one looked at. */
  async #held(of: DestinationBackend, fetched: readonly unknown[], hold: Hold): Promise<Taken> {
    let [job, id] = fetched as Fetched;
    let sentAtMs = hold.sentAtMs;
    // Ends: every round removes a job from the queue.
    for (;;) {
      if (job === null || job === undefined || id === undefined) return { kind: 'nothing' };
      const read =
        job.name === undefined || job.name === jobName
          ? readJobData(id, job.data)
          : { kind: 'foreign' as const, detail: `its name is ${job.name}` };
      if (read.kind === 'ours') {
        this.#locks.hold(of.destination, id, { token: hold.token, sentAtMs });
        return { kind: 'job', job: heldJob(of.destination, id, { job, data: read.data, token: hold.token }) };
      }
      this.#options.onOddity({
        kind: read.kind,
        destination: of.destination,
        jobId: id,
        detail: read.detail,
      });
      sentAtMs = performance.now();
      [job, id] = await this.#discard(of, id, hold.token);
    }
  }

  /** Removes a job that is none of ours and fetches the next. */
  async #discard(of: DestinationBackend, id: string, token: string): Promise<Fetched> {
    const removed = { id, opts: jobOptions } as never;
    const input = of.backend.moveToCompletedArgs(removed, null, true, token, true);
    try {
      const reply = await this.#backends.run(of, 'moveToFinished', input);
      return Array.isArray(reply) ? (raw2NextJobData(reply) as Fetched) : [null, undefined];
    } catch (error) {
      throw new QueueUnavailable(`removing ${id} of ${of.destination}`, error);
    }
  }
}

function heldJob(
  destination: DestinationKey,
  id: string,
  from: { readonly job: FetchedJob; readonly data: HeldJob['data']; readonly token: string },
): HeldJob {
  return {
    id: id as HeldJob['id'],
    destination,
    data: from.data,
    attemptsMade: from.job.attemptsMade,
    stalledCount: from.job.stalledCounter,
    token: from.token,
  };
}
