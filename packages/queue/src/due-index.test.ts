import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { waitFor } from '@mailwheel/testkit';
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
import type { DestinationQueues } from './types.ts';

let fixture: QueueFixture;
let queues: DestinationQueues;
const recovered: string[] = [];
const a = destination('a.example');

beforeAll(async () => {
  fixture = await startQueueFixture();
  queues = await fixture.open({
    claimHoldMs: 300,
    concurrencyFor: (of) => (of === 'two.example' ? 2 : undefined),
    bounced: { keepSeconds: 1, keepPerDestination: 2 },
    onRecovered: (_of, ids) => recovered.push(...ids),
  });
});
beforeEach(async () => {
  await fixture.inspector.flushall();
  recovered.length = 0;
});
afterAll(() => fixture.stop());

async function redisNowMs(): Promise<number> {
  const [seconds = 0, micros = 0] = await fixture.inspector.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}

async function dueIn(name: string): Promise<number> {
  return ((await score(fixture.inspector, name)) ?? Number.NaN) - (await redisNowMs());
}

describe('claim', () => {
  it('gives what is due, holds it, and says when the next is due', async () => {
    await add(queues, [newJob('a.example'), newJob('b.example'), newJob('c.example', { delayMs: 60_000 })]);
    const first = await queues.claim(0, 1);
    expect(first.destinations).toHaveLength(1);
    expect(first.nextDueMs).toBeLessThanOrEqual(first.nowMs);
    const second = await queues.claim(0, 10);
    expect(second.destinations).toHaveLength(1);
    expect(second.destinations).not.toEqual(first.destinations);
    expect(second.nextDueMs).toBeLessThanOrEqual(first.nowMs + 300);
    expect(Math.abs(second.nowMs - (await redisNowMs()))).toBeLessThan(100);
    expect((await queues.claim(0, 10)).destinations).toEqual([]);
    expect(await dueIn('a.example')).toBeGreaterThan(100);
  });

  it('brings a claimed destination forward when work is added', async () => {
    await add(queues, [newJob('a.example')]);
    await queues.claim(0, 1);
    await add(queues, [newJob('a.example')]);
    expect((await queues.claim(0, 1)).destinations).toEqual([a]);
  });

  it('passes over resting destinations, and gives the others instead', async () => {
    const names = ['a.example', 'b.example', 'c.example'];
    await add(
      queues,
      names.map((name) => newJob(name)),
    );
    const restMs = (await redisNowMs()) + 60_000;
    for (const name of names.slice(0, 2)) {
      await queues.settle(destination(name), { took: true, notBeforeMs: restMs });
    }
    await add(
      queues,
      names.map((name) => newJob(name)),
    );
    expect((await queues.claim(0, 3)).destinations).toEqual(['c.example']);
    expect(await score(fixture.inspector, 'a.example')).toBe(restMs);
    await queues.touch(a);
    expect((await queues.claim(0, 5)).destinations).toEqual([a]);
  });
});

describe('settle', () => {
  it('makes waiting work due now, or a moment later when the visit could not take it', async () => {
    await add(queues, [newJob('a.example')]);
    await queues.settle(a, { took: true });
    expect(await dueIn('a.example')).toBeLessThanOrEqual(0);
    await queues.settle(a, { took: false });
    expect(await dueIn('a.example')).toBeGreaterThan(5);
  });

  it('follows the first delayed job', async () => {
    await add(queues, [newJob('a.example', { delayMs: 5_000 })]);
    await queues.settle(a, { took: false });
    expect(await dueIn('a.example')).toBeGreaterThan(4_500);
    expect(await dueIn('a.example')).toBeLessThanOrEqual(5_000);
  });

  it('looks again within the stalled interval while anything is active', async () => {
    await add(queues, [newJob('a.example')]);
    await take(queues, 'a.example');
    await queues.settle(a, { took: true });
    expect(await dueIn('a.example')).toBeLessThanOrEqual(shortTimes.stalledMs);
  });

  it('waits while a destination is at its concurrency, and writes a changed limit', async () => {
    const two = destination('two.example');
    await add(
      queues,
      Array.from({ length: 4 }, () => newJob('two.example')),
    );
    await take(queues, 'two.example');
    const second = await take(queues, 'two.example');
    expect(await queues.take(two)).toEqual({ kind: 'nothing' });
    await queues.settle(two, { took: false });
    expect(await dueIn('two.example')).toBeGreaterThan(0);
    await queues.complete(second, false);
    await queues.settle(two, { took: true });
    expect(await dueIn('two.example')).toBeLessThanOrEqual(0);
    await fixture.inspector.hset('{mw0}:two.example:meta', 'concurrency', '99');
    await queues.settle(two, { took: true });
    expect(await fixture.inspector.hget('{mw0}:two.example:meta', 'concurrency')).toBe('2');
  });

  it('looks at a paused queue rarely, keeps its pause when it runs empty, and forgets it when resumed', async () => {
    const held = [newJob('a.example')];
    await add(queues, held);
    await queues.pause(a);
    expect(await queues.take(a)).toEqual({ kind: 'nothing' });
    await queues.settle(a, { took: false });
    expect(await dueIn('a.example')).toBeGreaterThan(shortTimes.stalledMs + 50);
    await queues.removeJob(a, held[0]!.id);
    await queues.settle(a, { took: false });
    expect(await fixture.inspector.keys('*')).toEqual(['{mw0}:a.example:meta']);
    await queues.resume(a);
    expect((await queues.claim(0, 1)).destinations).toEqual([a]);
    await queues.settle(a, { took: false });
    expect(await fixture.inspector.keys('*')).toEqual([]);
  });

  it('keeps a quiet queue indexed for its failed jobs, and removes them by age and number', async () => {
    await add(queues, [newJob('a.example'), newJob('a.example')]);
    const first = await take(queues, 'a.example');
    const second = jobOf(await queues.fail(first, { data: first.data, reason: 'no' }, true));
    await queues.fail(second, { data: second.data, reason: 'no' }, false);
    await queues.settle(a, { took: true });
    expect(await dueIn('a.example')).toBeGreaterThan(500);
    // Three more that came from elsewhere: above keepPerDestination.
    const old = Array.from({ length: 3 }, () => newJob('a.example'));
    for (const job of old) {
      await fixture.inspector.hset(`{mw0}:a.example:${job.id}`, 'data', '{}');
      await fixture.inspector.zadd('{mw0}:a.example:failed', Date.now(), job.id);
    }
    await queues.settle(a, { took: true });
    expect(await fixture.inspector.zcard('{mw0}:a.example:failed')).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    await queues.settle(a, { took: true });
    expect(await fixture.inspector.keys('*')).toEqual([]);
  });

  it('rests a destination until the given time, though more is added', async () => {
    await add(queues, [newJob('a.example')]);
    const untilMs = (await redisNowMs()) + 250;
    await queues.settle(a, { took: true, notBeforeMs: untilMs });
    await add(queues, [newJob('a.example')]);
    expect((await queues.claim(0, 5)).destinations).toEqual([]);
    const due = await waitFor('the rest to end', async () => {
      const claim = await queues.claim(0, 5);
      return claim.destinations.length > 0 && claim;
    });
    expect(due.nowMs).toBeGreaterThanOrEqual(untilMs);
  });
});

describe('owners that die', () => {
  it('gives the job back to the head, with the crash counted, once the lock has run out', async () => {
    const other = await fixture.open();
    const [first, second] = [newJob('a.example'), newJob('a.example')];
    await add(queues, [first, second]);
    const dead = await take(other, 'a.example');
    other.release(dead);
    await queues.settle(a, { took: true });
    expect(recovered).toEqual([]);
    await waitFor('the recovery', async () => {
      const claim = await queues.claim(0, 1);
      for (const due of claim.destinations) await queues.settle(due, { took: true });
      return recovered.length > 0;
    });
    expect(recovered).toEqual([first.id]);
    const again = await take(queues, 'a.example');
    expect(again).toMatchObject({ id: first.id, stalledCount: 1 });
    expect(await other.complete(dead, true)).toEqual({ kind: 'refused', code: -6 });
  });

  it('finds a dead owner among a hundred living ones', async () => {
    await add(
      queues,
      Array.from({ length: 101 }, () => newJob('a.example')),
    );
    const held = [];
    for (let at = 0; at < 101; at++) held.push(await take(queues, 'a.example'));
    queues.release(held[100]!);
    await waitFor('the recovery', async () => {
      await queues.settle(a, { took: true });
      return recovered.length > 0;
    });
    expect(recovered).toEqual([held[100]!.id]);
    for (const job of held) queues.release(job);
  });
});

describe('sweep', () => {
  async function sweepAll(): Promise<string[]> {
    const repaired: string[] = [];
    let cursor = '0';
    do {
      const portion = await queues.sweep(0, cursor);
      repaired.push(...portion.repaired);
      cursor = portion.cursor;
    } while (cursor !== '0');
    return repaired.sort();
  }

  it('finds queues that are not indexed or too late, and only those', async () => {
    await add(
      queues,
      ['a.example', 'b.example', 'c.example', 'd.example'].map((name) => newJob(name)),
    );
    await fixture.inspector.zrem('{mw0}:!due', 'a.example');
    await fixture.inspector.zadd('{mw0}:!due', Date.now() + 60_000, 'b.example');
    await queues.settle(destination('d.example'), { took: true, notBeforeMs: Date.now() + 60_000 });
    expect(await sweepAll()).toEqual(['a.example', 'b.example']);
    expect(await dueIn('a.example')).toBeLessThanOrEqual(0);
    expect(await dueIn('b.example')).toBeLessThanOrEqual(0);
    expect(await dueIn('d.example')).toBeGreaterThan(50_000);
    expect(await sweepAll()).toEqual([]);
  });

  it('removes what is left of a queue that foreign hands emptied', async () => {
    const job = newJob('a.example');
    await add(queues, [job]);
    await fixture.inspector.del('{mw0}:a.example:wait', `{mw0}:a.example:${job.id}`);
    await sweepAll();
    expect(await fixture.inspector.keys('*')).toEqual([]);
  });
});

describe('hints', () => {
  it('wake a waiting worker at once', async () => {
    const started = performance.now();
    const woken = queues.awaitHint(0, 5_000);
    await add(queues, [newJob('a.example')]);
    await woken;
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('are waited for no longer than asked', async () => {
    const started = performance.now();
    await queues.awaitHint(0, 60);
    expect(performance.now() - started).toBeGreaterThanOrEqual(55);
  });
});
