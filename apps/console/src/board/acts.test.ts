import type { OperateSources } from '@mailwheel/assembly';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accept, destination, fail, startConsole, take, type ConsoleFixture } from '../../fixture/console.ts';
import { cleanJob, retryJob } from './acts.ts';

let fixture: ConsoleFixture;
let sources: OperateSources;
const domain = destination('a.example');

beforeAll(async () => {
  fixture = await startConsole();
  const { queues, spool, clock } = fixture.store;
  sources = { queues, spool, nowMs: () => clock.nowMs(), shards: 1 };
});
beforeEach(() => fixture.redis.client().flushdb());
afterAll(() => fixture.stop());

/** What the acts do to record and job: packages/assembly/src/operate.test.ts. */
describe('what cannot be done', () => {
  it('is told in a sentence and is a conflict: deleting what a worker delivers now', async () => {
    await accept(fixture.store, 'one@a.example');
    const job = await take(fixture.store, 'a.example');
    await expect(cleanJob(sources, domain, job.id)).rejects.toMatchObject({
      statusCode: 409,
      message: expect.stringContaining('A worker is delivering'),
    });
    await fixture.store.queues.giveBack(job);
    await cleanJob(sources, domain, job.id);
    expect(await fixture.store.queues.states([domain])).toMatchObject([{ waiting: 0 }]);
  });

  it('is told in a sentence and is a conflict: delivering again what waits, or what is not kept any more', async () => {
    const id = await accept(fixture.store, 'one@a.example');
    await expect(retryJob(sources, domain, `${id}-0`)).rejects.toMatchObject({
      statusCode: 409,
      message: expect.stringContaining('not failed'),
    });
    const job = await fail(fixture.store, 'a.example', { 0: 'bounced' });
    await retryJob(sources, domain, job.id);
    await fail(fixture.store, 'a.example', { 0: 'bounced' });
    await fixture.redis.client().del(`{mw0}:!body:${id}`);
    await expect(retryJob(sources, domain, job.id)).rejects.toThrow(/body of this message is gone/);
    await fixture.store.spool.remove(id);
    await expect(retryJob(sources, domain, job.id)).rejects.toThrow(/record of this message is gone/);
  });
});
