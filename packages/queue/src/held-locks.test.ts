import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '@mailwheel/testkit';
import { add, newJob, shortTimes, startQueueFixture, take, type QueueFixture } from '../test/fixture.ts';
import type { DestinationQueues } from './types.ts';

let fixture: QueueFixture;
let queues: DestinationQueues;
const lost: string[] = [];
const errors: unknown[] = [];

beforeAll(async () => {
  fixture = await startQueueFixture();
  queues = await fixture.open({
    onLockLost: (_of, id) => lost.push(id),
    onError: (error) => errors.push(error),
  });
});
afterAll(() => fixture.stop());

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

describe('the locks of held jobs', () => {
  it('are renewed while the jobs are held, far beyond one lock', async () => {
    await add(queues, [newJob('a.example'), newJob('b.example')]);
    const held = [await take(queues, 'a.example'), await take(queues, 'b.example')];
    expect(queues.heldJobs()).toBe(2);
    const until = performance.now() + 3 * shortTimes.lockMs;
    while (performance.now() < until) {
      await pause(20);
      for (const job of held) expect(queues.lockIsCertain(job)).toBe(true);
    }
    for (const job of held) expect(await queues.complete(job, false)).toEqual({ kind: 'nothing' });
    expect(queues.heldJobs()).toBe(0);
    expect(queues.lockIsCertain(held[0]!)).toBe(false);
  });

  it('are lost when somebody else has them, and that is told once', async () => {
    await add(queues, [newJob('c.example')]);
    const held = await take(queues, 'c.example');
    await fixture.inspector.set(`{mw0}:c.example:${held.id}:lock`, 'another');
    expect(await queues.renewLock(held)).toBe(false);
    expect(queues.lockIsCertain(held)).toBe(false);
    await pause(3 * shortTimes.renewMs);
    expect(lost).toEqual([held.id]);
    queues.release(held);
  });

  it('are not renewed for a job that was released', async () => {
    await add(queues, [newJob('d.example')]);
    const held = await take(queues, 'd.example');
    queues.release(held);
    expect(await queues.renewLock(held)).toBe(false);
    await waitFor(
      'the lock to run out',
      async () => (await fixture.inspector.exists(`{mw0}:d.example:${held.id}:lock`)) === 0,
    );
  });

  it('are uncertain once Redis has not confirmed them for long enough, and certain again when it has', async () => {
    await add(queues, [newJob('e.example')]);
    const held = await take(queues, 'e.example');
    fixture.redis.process.kill('SIGSTOP');
    const frozenAt = performance.now();
    await waitFor('certainty to run out', () => !queues.lockIsCertain(held), 2_000);
    expect(performance.now() - frozenAt).toBeLessThan(shortTimes.lockMs);
    fixture.redis.process.kill('SIGCONT');
    // Renewals that lay in the socket ran before the lock could run out by Redis's clock, or the lock is lost: both are seen.
    const renewed = await queues.renewLock(held);
    expect(queues.lockIsCertain(held)).toBe(renewed);
    queues.release(held);
  });
});
