/** Queues over a real Redis, and jobs to put into them. Ids are numbered: a failing test names the job. */
import { createMessageId, jobId, shardOf, type DestinationKey, type JobData } from '@mailwheel/envelope';
import { startRedis, type TestRedis, type TestRedisOptions } from '@mailwheel/testkit';
import type { Redis } from 'ioredis';
import { connectRedis, whenReady } from '../src/connect.ts';
import { createDestinationQueues } from '../src/create-destination-queues.ts';
import { assertExec } from '../src/errors.ts';
import type { QueueOptions } from '../src/options.ts';
import type { DestinationQueues, HeldJob, MoveRefusal, NewJob, Taken } from '../src/types.ts';

export interface QueueFixture {
  readonly redis: TestRedis;
  /** A client of the test's own. */
  readonly inspector: Redis;
  /** Another process, as far as the queues can tell. */
  open(options?: Partial<QueueOptions>): Promise<DestinationQueues>;
  stop(): Promise<void>;
}

/** Short times: a test waits milliseconds where production waits seconds. */
export const shortTimes = {
  lockMs: 400,
  renewMs: 100,
  lockMarginMs: 100,
  stalledMs: 100,
  pausedLookMs: 400,
  claimHoldMs: 100,
} as const;

export async function startQueueFixture(redisOptions: TestRedisOptions = {}): Promise<QueueFixture> {
  const redis = await startRedis(redisOptions);
  const closers: (() => Promise<void> | void)[] = [];
  let opened = 0;
  return {
    redis,
    inspector: redis.client(),
    open: async (options = {}) => {
      const client = connectRedis({ url: redis.url, commandTimeoutMs: 1000 }, 'worker', ignore);
      const blockingClient = connectRedis({ url: redis.url }, 'blocking', ignore);
      closers.unshift(() => {
        client.disconnect();
        blockingClient.disconnect();
      });
      await Promise.all([whenReady(client, 5000), whenReady(blockingClient, 5000)]);
      const queues = await createDestinationQueues({
        client,
        blockingClient,
        workerName: `worker${++opened}`,
        ...shortTimes,
        ...options,
      });
      closers.unshift(() => queues.close());
      return queues;
    },
    stop: async () => {
      for (const close of closers) await close();
      await redis.stop();
    },
  };
}

// Connections break on purpose in these tests; what is asserted is the errors that callers see.
function ignore(): void {}

let made = 0;

export function destination(name: string): DestinationKey {
  return name as DestinationKey;
}

export function newJob(name: string, options: Partial<Pick<NewJob, 'priority' | 'delayMs'>> = {}): NewJob {
  const bytes = new Uint8Array(17);
  new DataView(bytes.buffer).setUint32(0, ++made);
  const message = createMessageId(bytes, 0);
  const priority = options.priority ?? 'normal';
  const data: JobData = {
    v: 1,
    message,
    from: 'sender@example.net',
    to: [[0, `user${made}@${name}`]],
    acceptedAtMs: Date.now(),
    priority,
  };
  return {
    id: jobId(message, 0),
    destination: destination(name),
    data,
    priority,
    ...(options.delayMs === undefined ? {} : { delayMs: options.delayMs }),
  };
}

/** Adds the jobs, a MULTI a shard, every reply checked. */
export async function add(queues: DestinationQueues, jobs: readonly NewJob[], shards = 1): Promise<void> {
  for (let shard = 0; shard < shards; shard++) {
    const ofShard = jobs.filter((job) => shardOf(job.destination, shards) === shard);
    if (ofShard.length === 0) continue;
    const multi = await queues.transaction(shard);
    for (const job of ofShard) await queues.addToTransaction(multi, job);
    assertExec(await multi.exec());
  }
}

/** The job of a take or a move that must have given one. */
export function jobOf(taken: Taken | MoveRefusal): HeldJob {
  if (taken.kind !== 'job') throw new Error(`expected a job, got ${JSON.stringify(taken)}`);
  return taken.job;
}

export async function take(queues: DestinationQueues, name: string): Promise<HeldJob> {
  return jobOf(await queues.take(destination(name)));
}

export function score(inspector: Redis, name: string, shard = 0): Promise<number | undefined> {
  return inspector
    .zscore(`{mw${shard}}:!due`, name)
    .then((text) => (text === null ? undefined : Number(text)));
}
