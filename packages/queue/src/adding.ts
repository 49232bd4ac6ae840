/** Writing jobs: entries of the caller's MULTI, so that job, limits and index entry exist together or not at all. */
import type { ChainableCommander } from 'ioredis';
import type { Priority } from '@mailwheel/envelope';
import type { Backends } from './backends.ts';
import { QueueUnavailable } from './errors.ts';
import { jobName } from './job-data.ts';
import { keptLogLines } from './moves.ts';
import type { ResolvedOptions } from './options.ts';
import type { TransactionCommands } from './scripts/define-scripts.ts';
import type { NewJob } from './types.ts';

/**
 * BullMQ serves its plain list first, from the tail, and the prioritized set only when the list is empty. So `normal` is the
 * plain list (cheapest, first in first out), `high` goes to the list's tail (`lifo`: the next one served), and `bulk` is
 * prioritized: 100,000 of it stand behind every other job.
 *
 * Cost: among waiting `high` jobs the newest is served first, and a job of that class that was deferred comes back as a
 * normal one. Rejected: numeric priorities for all three, which keep order and class, but cost the normal path a counter,
 * a sorted set and about 100 bytes a job.
 */
const priorityOptions = {
  high: { lifo: true },
  normal: {},
  bulk: { priority: 10 },
} as const satisfies Record<Priority, { lifo?: boolean; priority?: number }>;

/** Attempts end by age and count in the retry schedule, which is ours; BullMQ must never decide it. */
const attemptsUnlimited = 1_000_000;

export class Adding {
  readonly #backends: Backends;
  readonly #options: ResolvedOptions;

  constructor(backends: Backends, options: ResolvedOptions) {
    this.#backends = backends;
    this.#options = options;
  }

  transaction(shard: number): ChainableCommander {
    return this.#backends.transaction(shard);
  }

  async addToTransaction(multi: ChainableCommander, job: NewJob): Promise<void> {
    const of = this.#backends.of(job.destination);
    const delayMs = Math.max(0, Math.round(job.delayMs ?? 0));
    const concurrency = this.#options.concurrencyFor(job.destination);
    // BullMQ adds a delay to the timestamp. Otherwise Redis's clock of the accept is the truth about a job's age.
    const timestamp = delayMs > 0 ? Date.now() : job.data.acceptedAtMs;
    // Before the job: on its own BullMQ would create meta with an events stream of 10,000 entries.
    (multi as ChainableCommander & TransactionCommands).mwIndexJob(
      `${of.base}meta`,
      of.due,
      of.hint,
      job.destination,
      delayMs > 0 ? timestamp + delayMs : Math.min(timestamp, Date.now()),
      delayMs > 0 ? 0 : 1,
      'opts.maxLenEvents',
      0,
      ...(concurrency === undefined ? [] : ['concurrency', concurrency]),
    );
    await this.#backends.addJob(multi, of, {
      id: job.id,
      name: jobName,
      data: JSON.stringify(job.data),
      timestamp,
      opts: {
        jobId: job.id,
        attempts: attemptsUnlimited,
        removeOnComplete: true,
        removeOnFail: false,
        keepLogs: keptLogLines,
        stackTraceLimit: 0,
        ...priorityOptions[job.priority],
        ...(delayMs > 0 ? { delay: delayMs } : {}),
      },
    } as unknown as Parameters<Backends['addJob']>[2]);
  }

  async discardHalfWritten(jobs: readonly NewJob[]): Promise<void> {
    const discarded = jobs.map((job) => {
      const { base } = this.#backends.of(job.destination);
      const holders = [
        'wait',
        'active',
        'paused',
        'prioritized',
        'delayed',
        'failed',
        'completed',
        'waiting-children',
      ];
      const keys = [`${base}${job.id}`, ...holders.map((holder) => `${base}${holder}`)];
      return this.#backends.client.mwDiscardHalfWritten(keys.length, ...keys, job.id);
    });
    try {
      await Promise.all(discarded);
    } catch (error) {
      throw new QueueUnavailable('discarding half-written jobs', error);
    }
  }
}
