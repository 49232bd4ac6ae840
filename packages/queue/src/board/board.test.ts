import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RedisQueueBackend } from 'bullmq';
import {
  add,
  destination,
  newJob,
  score,
  startQueueFixture,
  take,
  type QueueFixture,
} from '../../test/fixture.ts';
import { connectRedis, whenReady, type RedisClient } from '../connect.ts';
import type { DestinationQueues } from '../types.ts';
import { allowedActs, readingMethods, refusedMethods, type BoardAct } from './board-backend.ts';
import { createBoardQueues, type BoardQueues } from './destination-queue.ts';

let fixture: QueueFixture;
let queues: DestinationQueues;
let board: BoardQueues;
let client: RedisClient;
const acts: BoardAct[] = [];
const hooked: string[] = [];
const a = destination('a.example');

beforeAll(async () => {
  fixture = await startQueueFixture();
  queues = await fixture.open({ lockMs: 5_000 });
  client = connectRedis({ url: fixture.redis.url }, 'console', () => undefined);
  await whenReady(client, 5_000);
  board = await createBoardQueues({
    client,
    hooks: {
      touch: (of) => queues.touch(of),
      audit: (act) => acts.push(act),
      deleteJob: async (_of, jobId) => void hooked.push(`delete ${jobId}`),
      retryJob: async (_of, jobId) => void hooked.push(`retry ${jobId}`),
    },
  });
});
beforeEach(async () => {
  await fixture.inspector.flushall();
  acts.length = 0;
  hooked.length = 0;
});
afterAll(async () => {
  await board.close();
  client.disconnect();
  await fixture.stop();
});

/** One failed, one delayed and one waiting job, indexed far ahead as if nobody had to look. */
async function filled(): Promise<{ failed: string; delayed: string; waiting: string }> {
  const [failed, waiting, delayed] = [
    newJob('a.example'),
    newJob('a.example'),
    newJob('a.example', { delayMs: 3_600_000 }),
  ];
  await add(queues, [failed, waiting, delayed]);
  const held = await take(queues, 'a.example');
  await queues.fail(held, { data: held.data, reason: '550' }, false);
  await fixture.inspector.zadd('{mw0}:!due', Date.now() + 3_600_000, 'a.example');
  return { failed: failed.id, delayed: delayed.id, waiting: waiting.id };
}

async function isDueNow(): Promise<boolean> {
  return ((await score(fixture.inspector, 'a.example')) ?? Infinity) <= Date.now() + 5;
}

describe('what the board may do', () => {
  it('reads counts, jobs and logs without writing a key', async () => {
    await filled();
    const before = (await fixture.inspector.keys('*')).sort();
    const queue = board.queue(a);
    expect(await queue.getJobCounts('waiting', 'delayed', 'failed')).toEqual({
      waiting: 1,
      delayed: 1,
      failed: 1,
    });
    expect(await queue.getJobs(['failed'], 0, 9)).toHaveLength(1);
    await board.queue(destination('empty.example')).getJobCounts();
    expect((await fixture.inspector.keys('*')).sort()).toEqual(before);
  });

  it('pauses and resumes, and the index knows', async () => {
    await filled();
    const queue = board.queue(a);
    await queue.pause();
    expect(await queue.isPaused()).toBe(true);
    expect(await queues.take(a)).toEqual({ kind: 'nothing' });
    await queues.settle(a, { took: false });
    expect(await isDueNow()).toBe(false);
    await queue.resume();
    expect(await isDueNow()).toBe(true);
    expect(acts.map(({ operation, outcome }) => [operation, outcome])).toEqual([
      ['pause', 'done'],
      ['resume', 'done'],
    ]);
  });

  it('promotes one job or all', async () => {
    const { delayed } = await filled();
    const job = await board.queue(a).getJob(delayed);
    await job?.promote();
    expect(await job?.getState()).toBe('waiting');
    expect(await isDueNow()).toBe(true);
    await add(queues, [newJob('a.example', { delayMs: 60_000 }), newJob('a.example', { delayMs: 60_000 })]);
    await board.queue(a).promoteJobs();
    expect(await board.queue(a).getJobCounts('delayed', 'waiting')).toEqual({ delayed: 0, waiting: 4 });
    expect(acts.map(({ operation, jobId }) => [operation, jobId])).toEqual([
      ['promote', delayed],
      ['promote-all', undefined],
    ]);
  });

  it('hands a retry over to the console, which knows what must be open again', async () => {
    const { failed } = await filled();
    const job = await board.queue(a).getJob(failed);
    await job?.retry('failed');
    expect(hooked).toEqual([`retry ${failed}`]);
    expect(await job?.getState()).toBe('failed');
    expect(await isDueNow()).toBe(true);
    expect(acts).toEqual([{ operation: 'retry', destination: a, jobId: failed, outcome: 'done' }]);
  });

  it('hands removing over to the console, from a job and from a queue', async () => {
    const { waiting, failed } = await filled();
    const job = await board.queue(a).getJob(waiting);
    await job?.remove();
    await board.queue(a).remove(failed);
    expect(hooked).toEqual([`delete ${waiting}`, `delete ${failed}`]);
    expect(await job?.getState()).toBe('waiting');
  });
});

describe('what the board may not do', () => {
  it('is refused in words, changes nothing and is audited', async () => {
    const { waiting, delayed } = await filled();
    const queue = board.queue(a);
    const job = await queue.getJob(waiting);
    const later = await queue.getJob(delayed);
    const { failedReason: _reason, ...before } = await fixture.inspector.hgetall(
      `{mw0}:a.example:${waiting}`,
    );
    const attempts: Record<string, () => Promise<unknown>> = {
      add: () => queue.add('x', {}),
      addBulk: () => queue.addBulk([{ name: 'x', data: {} }]),
      edit: async () => job?.updateData({ v: 0 }),
      progress: async () => job?.updateProgress(5),
      log: async () => job?.log('line'),
      delay: async () => later?.changeDelay(1),
      priority: async () => job?.changePriority({ priority: 1 }),
      clean: () => queue.clean(0, 100, 'failed'),
      drain: () => queue.drain(),
      obliterate: () => queue.obliterate({ force: true }),
      concurrency: () => queue.setGlobalConcurrency(1),
      noConcurrency: () => queue.removeGlobalConcurrency(),
      rateLimit: () => queue.setGlobalRateLimit(1, 1_000),
      noRateLimit: () => queue.removeGlobalRateLimit(),
      rateLimitNow: () => queue.rateLimit(1_000),
      retryAll: () => queue.retryJobs(),
      trim: () => queue.trimEvents(0),
      schedule: () => queue.upsertJobScheduler('x', { every: 1_000 }),
    };
    const keys = (await fixture.inspector.keys('*')).sort();
    for (const [name, attempt] of Object.entries(attempts)) {
      await expect(attempt(), name).rejects.toThrow(/is refused/);
    }
    expect((await fixture.inspector.keys('*')).sort()).toEqual(keys);
    expect(await fixture.inspector.hgetall(`{mw0}:a.example:${waiting}`)).toEqual(before);
    expect(await queue.isPaused()).toBe(false);
    expect(acts).toHaveLength(Object.keys(attempts).length);
    expect(acts.every(({ operation, outcome }) => operation === 'refused' && outcome === 'failed')).toBe(
      true,
    );
  });

  it('covers every method of BullMQ’s backend: each reads, is allowed in our form, or is refused', () => {
    const methods = Object.entries(Object.getOwnPropertyDescriptors(RedisQueueBackend.prototype))
      .filter(([, { value }]) => typeof value === 'function')
      .map(([name]) => name);
    for (const known of [...readingMethods, ...allowedActs]) expect(methods).toContain(known);
    // A name that is new here came with an update of BullMQ: it is refused until somebody decides.
    expect(refusedMethods().sort()).toMatchInlineSnapshot(`
      [
        "addDelayedJob",
        "addFlow",
        "addJob",
        "addJobScheduler",
        "addJobToTransaction",
        "addJobs",
        "addLog",
        "addParentJob",
        "addPrioritizedJob",
        "addStandardJob",
        "changeDelay",
        "changePriority",
        "cleanJobsByState",
        "clearLogs",
        "deleteDeduplicationKey",
        "drain",
        "extendLock",
        "extendLocks",
        "moveJobFromActiveToWait",
        "moveStalledJobsToWait",
        "moveToActive",
        "moveToCompleted",
        "moveToDelayed",
        "moveToFailed",
        "moveToFinished",
        "moveToWaitingChildren",
        "obliterate",
        "publishEvent",
        "removeChildDependency",
        "removeDeduplicationKey",
        "removeDeprecatedPriorityKey",
        "removeJobScheduler",
        "removeOrphanedJobs",
        "removeOrphanedJobsBatch",
        "removeQueueMetaFields",
        "removeRateLimitKey",
        "removeUnprocessedChildren",
        "retryFinishedJobs",
        "retryJob",
        "setQueueMeta",
        "setRateLimit",
        "trimEvents",
        "updateData",
        "updateJobSchedulerNextMillis",
        "updateProgress",
      ]
    `);
  });
});
