import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  add,
  destination,
  jobOf,
  newJob,
  startQueueFixture,
  take,
  type QueueFixture,
} from '../test/fixture.ts';
import type { DestinationQueues } from './types.ts';

let fixture: QueueFixture;
let queues: DestinationQueues;
const shards = 4;
const a = destination('a.example');

beforeAll(async () => {
  fixture = await startQueueFixture();
  queues = await fixture.open({ shards, lockMs: 5_000 });
});
beforeEach(async () => {
  await fixture.inspector.flushall();
});
afterAll(() => fixture.stop());

describe('destinations', () => {
  it('come busiest first over all shards, with their counts and the age of their oldest job', async () => {
    const jobs = [
      ...Array.from({ length: 3 }, () => newJob('a.example')),
      newJob('b.example'),
      newJob('c.example'),
    ];
    const late = newJob('b.example', { delayMs: 60_000, priority: 'bulk' });
    await add(queues, [...jobs, late, newJob('b.example', { priority: 'bulk' })], shards);
    await queues.pause(destination('c.example'));
    const held = await take(queues, 'a.example');
    await queues.fail(held, { data: held.data, reason: '550' }, false);
    await take(queues, 'a.example');
    const states = await queues.destinations(2);
    expect(states).toMatchObject([
      { destination: 'b.example', waiting: 2, active: 0, delayed: 1, failed: 0, paused: false },
      { destination: 'a.example', waiting: 1, active: 1, delayed: 0, failed: 1, paused: false },
    ]);
    expect(states[0]?.oldestAtMs).toBe(jobs[3]?.data.acceptedAtMs);
    expect(states[1]?.oldestAtMs).toBe(jobs[2]?.data.acceptedAtMs);
    expect(await queues.totals()).toMatchObject({
      destinations: 3,
      waiting: 4,
      active: 1,
      delayed: 1,
      failed: 1,
      paused: 1,
      oldestAtMs: jobs[2]?.data.acceptedAtMs,
    });
    expect(await queues.states([destination('nobody.example'), destination('c.example')])).toMatchObject([
      { destination: 'nobody.example', waiting: 0 },
      { destination: 'c.example', waiting: 1, paused: true },
    ]);
  });
});

describe('jobs', () => {
  it('are listed in the order they will be served, plain before bulk, in portions', async () => {
    const bulk = Array.from({ length: 3 }, () => newJob('a.example', { priority: 'bulk' }));
    const normal = Array.from({ length: 3 }, () => newJob('a.example'));
    await add(queues, [...bulk, ...normal], shards);
    const expected = [...normal, ...bulk].map((job) => job.id);
    const listed = async (from: number, to: number): Promise<string[]> =>
      (await queues.jobs(a, 'waiting', from, to)).map((job) => job.id);
    expect(await listed(0, 9)).toEqual(expected);
    expect(await listed(1, 3)).toEqual(expected.slice(1, 4));
    expect(await listed(4, 5)).toEqual(expected.slice(4));
    expect(await listed(6, 9)).toEqual([]);
    const served = [await take(queues, 'a.example')];
    while (served.length < 6) served.push(jobOf(await queues.complete(served.at(-1)!, true)));
    expect(served.map((job) => job.id)).toEqual(expected);
  });

  it('tell their next attempt and their last reply', async () => {
    await add(queues, [newJob('a.example')], shards);
    const held = await take(queues, 'a.example');
    const beforeMs = Date.now();
    await queues.defer(
      held,
      { delayMs: 60_000, data: held.data, reason: '451 4.7.1 wait', countAttempt: true, parked: false },
      false,
    );
    const [view] = await queues.jobs(a, 'delayed', 0, 0);
    expect(view).toMatchObject({ id: held.id, state: 'delayed', attemptsMade: 1, reason: '451 4.7.1 wait' });
    expect(view?.nextAttemptAtMs).toBeGreaterThanOrEqual(beforeMs + 60_000);
    expect(await queues.job(a, held.id)).toEqual(view);
    expect(await queues.job(destination('b.example'), held.id)).toBeUndefined();
  });
});

describe('operator acts', () => {
  it('remove a job that nobody holds', async () => {
    const [first, second] = [newJob('a.example'), newJob('a.example')];
    await add(queues, [first, second], shards);
    await take(queues, 'a.example');
    expect(await queues.removeJob(a, first.id)).toBe('active');
    expect(await queues.removeJob(a, second.id)).toBe('removed');
    expect(await queues.removeJob(a, second.id)).toBe('missing');
  });

  it('bring a delayed or failed job forward, and say when it was none', async () => {
    const [first, second] = [newJob('a.example'), newJob('a.example', { delayMs: 60_000 })];
    await add(queues, [first, second], shards);
    const held = await take(queues, 'a.example');
    await queues.fail(held, { data: held.data, reason: '550' }, false);
    await queues.settle(a, { took: true });
    expect(await queues.retryFailed(a, second.id)).toBe(false);
    expect(await queues.promote(a, first.id)).toBe(false);
    expect(await queues.retryFailed(a, first.id)).toBe(true);
    expect(await queues.promote(a, second.id)).toBe(true);
    const { dueAtMs } = (await queues.states([a]))[0]!;
    expect(dueAtMs).toBeLessThanOrEqual(Date.now() + 5);
    expect(await take(queues, 'a.example')).toMatchObject({ id: first.id, attemptsMade: 0 });
    expect((await take(queues, 'a.example')).id).toBe(second.id);
  });
});
