import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  add,
  destination,
  jobOf,
  newJob,
  score,
  shortTimes,
  startQueueFixture,
  take,
  type QueueFixture,
} from '../test/fixture.ts';
import type { DestinationQueues, Oddity } from './types.ts';

let fixture: QueueFixture;
let queues: DestinationQueues;
const oddities: Oddity[] = [];

beforeAll(async () => {
  fixture = await startQueueFixture();
  queues = await fixture.open({ ...shortTimes, lockMs: 5000, onOddity: (oddity) => oddities.push(oddity) });
});
beforeEach(async () => {
  await fixture.inspector.flushall();
  oddities.length = 0;
});
afterAll(() => fixture.stop());

const deferral = { delayMs: 50, reason: '451 4.3.0 later', countAttempt: true, parked: false };

describe('from accept to the end of a job', () => {
  it('hands out what was added, and leaves no key once it is complete and settled', async () => {
    const job = newJob('a.example');
    await add(queues, [job]);
    const held = await take(queues, 'a.example');
    expect(held).toMatchObject({ id: job.id, data: job.data, attemptsMade: 0, stalledCount: 0 });
    expect(await queues.complete(held, true)).toEqual({ kind: 'nothing' });
    await queues.settle(destination('a.example'), { took: true });
    expect(await fixture.inspector.keys('*')).toEqual([]);
  });

  it('fetches the next job with the move, in the order of acceptance', async () => {
    const jobs = [newJob('a.example'), newJob('a.example'), newJob('a.example')];
    await add(queues, jobs);
    const first = await take(queues, 'a.example');
    const second = jobOf(await queues.complete(first, true));
    const third = jobOf(await queues.defer(second, { ...deferral, data: second.data }, true));
    expect([first.id, second.id, third.id]).toEqual(jobs.map((job) => job.id));
    expect(await queues.complete(third, false)).toEqual({ kind: 'nothing' });
  });

  it('serves high before normal and normal before 200 bulk jobs that were there first', async () => {
    const bulk = Array.from({ length: 200 }, () => newJob('a.example', { priority: 'bulk' }));
    const normal = newJob('a.example');
    const high = newJob('a.example', { priority: 'high' });
    await add(queues, [...bulk, normal, high]);
    const order = [await take(queues, 'a.example')];
    while (order.length < 4) order.push(jobOf(await queues.complete(order.at(-1) ?? order[0]!, true)));
    expect(order.map((job) => job.id)).toEqual([high.id, normal.id, bulk[0]?.id, bulk[1]?.id]);
  });

  it('puts its completion on the wire before it returns', async () => {
    await add(queues, [newJob('a.example')]);
    const held = await take(queues, 'a.example');
    const monitor = await fixture.inspector.monitor();
    const seen: string[] = [];
    monitor.on('monitor', (_time: string, args: string[]) => seen.push(args[0] ?? ''));
    const done = queues.complete(held, false);
    // A command of the same connection, sent in the same tick.
    const touched = queues.touch(destination('a.example'));
    await Promise.all([done, touched]);
    await fixture.inspector.ping();
    monitor.disconnect();
    const order = seen.filter((name) => ['lrem', 'zadd'].includes(name.toLowerCase()));
    expect(order[0]?.toLowerCase()).toBe('lrem');
  });

  it('counts an attempt or not, as told, and stores what is left of the job with the move', async () => {
    await add(queues, [newJob('a.example')]);
    const held = await take(queues, 'a.example');
    const data = { ...held.data, to: [], unknownOutcomes: 2 };
    await queues.defer(held, { ...deferral, delayMs: 0, data }, false);
    const again = await take(queues, 'a.example');
    expect(again).toMatchObject({ attemptsMade: 1, data });
    await queues.defer(again, { ...deferral, delayMs: 0, countAttempt: false, data }, false);
    expect((await take(queues, 'a.example')).attemptsMade).toBe(1);
  });

  it('gives a job back to the head, without an attempt', async () => {
    const [first, second] = [newJob('a.example'), newJob('a.example')];
    await add(queues, [first, second]);
    await queues.giveBack(await take(queues, 'a.example'));
    const again = await take(queues, 'a.example');
    expect(again).toMatchObject({ id: first.id, attemptsMade: 0 });
  });

  it('keeps a failed job with its reason and the data of the failure', async () => {
    await add(queues, [newJob('a.example')]);
    const held = await take(queues, 'a.example');
    await queues.fail(held, { data: { ...held.data, delayNotices: 1 }, reason: '550 5.1.1 unknown' }, false);
    await queues.settle(held.destination, { took: true });
    const [view] = await queues.jobs(held.destination, 'failed', 0, 9);
    expect(view).toMatchObject({ id: held.id, reason: '550 5.1.1 unknown', data: { delayNotices: 1 } });
  });
});

describe('refusals', () => {
  it('answers that a job is gone when it is completed twice', async () => {
    await add(queues, [newJob('a.example')]);
    const held = await take(queues, 'a.example');
    await queues.complete(held, false);
    expect(await queues.complete(held, false)).toEqual({ kind: 'refused', code: -1 });
  });

  it('refuses every move of a job whose lock somebody else has', async () => {
    await add(queues, [newJob('a.example')]);
    const before = queues.heldJobs();
    const held = await take(queues, 'a.example');
    await fixture.inspector.set(`{mw0}:a.example:${held.id}:lock`, 'another');
    const refused = { kind: 'refused', code: -6 };
    expect(await queues.complete(held, true)).toEqual(refused);
    expect(await queues.defer(held, { ...deferral, data: held.data }, true)).toEqual(refused);
    expect(await queues.defer(held, { ...deferral, data: held.data, parked: true }, true)).toEqual(refused);
    expect(await queues.fail(held, { data: held.data, reason: 'x' }, true)).toEqual(refused);
    expect(await queues.giveBack(held)).toEqual(refused);
    expect(await fixture.inspector.llen('{mw0}:a.example:active')).toBe(1);
    expect(queues.heldJobs()).toBe(before);
  });
});

describe('what is no job of ours', () => {
  it('removes ghosts, foreign and damaged jobs, reports each and hands out the next good one', async () => {
    const good = newJob('a.example');
    const broken = newJob('a.example');
    const ghost = newJob('a.example');
    await add(queues, [ghost, broken, good]);
    await fixture.inspector.del(`{mw0}:a.example:${ghost.id}`);
    await fixture.inspector.hset(`{mw0}:a.example:${broken.id}`, 'data', '{"v":2}');
    await fixture.inspector.hset(
      '{mw0}:a.example:77',
      'data',
      '{"typed":1}',
      'name',
      'by hand',
      'opts',
      '{}',
    );
    await fixture.inspector.rpush('{mw0}:a.example:wait', '77');
    const held = await take(queues, 'a.example');
    expect(held.id).toBe(good.id);
    expect(oddities.map(({ kind, jobId }) => [kind, jobId])).toEqual([
      ['foreign', '77'],
      ['ghost', ghost.id],
      ['malformed', broken.id],
    ]);
    await queues.complete(held, false);
    await queues.settle(destination('a.example'), { took: true });
    expect(await fixture.inspector.keys('*')).toEqual([]);
  });
});

describe('parked jobs', () => {
  it('become due when promoted, in portions, but not those deferred again for another reason', async () => {
    await add(queues, [newJob('a.example'), newJob('a.example'), newJob('a.example')]);
    const hour = 3_600_000;
    const parking = { ...deferral, delayMs: hour, parked: true };
    const first = await take(queues, 'a.example');
    const second = jobOf(await queues.defer(first, { ...parking, data: first.data }, true));
    const third = jobOf(await queues.defer(second, { ...parking, data: second.data }, true));
    await queues.defer(third, { ...parking, data: third.data }, true);
    // The first is tried by hand and deferred by its mailbox.
    expect(await queues.promote(first.destination, first.id)).toBe(true);
    const retried = await take(queues, 'a.example');
    await queues.defer(retried, { ...deferral, delayMs: hour, data: retried.data }, false);
    await queues.settle(first.destination, { took: true });
    expect(await score(fixture.inspector, 'a.example')).toBeGreaterThan(Date.now() + hour / 2);

    expect(await queues.promoteParked(first.destination, 2)).toEqual({ promoted: 1, left: 1 });
    expect(await score(fixture.inspector, 'a.example')).toBeLessThanOrEqual(Date.now() + 5);
    expect(await queues.promoteParked(first.destination, 2)).toEqual({ promoted: 1, left: 0 });
    expect(await queues.promoteParked(first.destination, 2)).toEqual({ promoted: 0, left: 0 });
    expect((await queues.jobs(first.destination, 'waiting', 0, 9)).map((job) => job.id)).toEqual([
      second.id,
      third.id,
    ]);
  });
});
