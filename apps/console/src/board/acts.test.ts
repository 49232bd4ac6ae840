import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  accept,
  defer,
  destination,
  fail,
  startConsole,
  take,
  type ConsoleFixture,
} from '../../fixture/console.ts';
import { deleteJob, reopenJob, type ActSources } from './acts.ts';

let fixture: ConsoleFixture;
let sources: ActSources;
const domain = destination('a.example');

beforeAll(async () => {
  fixture = await startConsole();
  const { queues, spool, clock } = fixture.store;
  sources = { queues, spool, nowMs: () => clock.nowMs() };
});
beforeEach(() => fixture.redis.client().flushdb());
afterAll(() => fixture.stop());

async function results(id: string): Promise<(string | undefined)[]> {
  const record = await fixture.store.spool.read(id as never);
  return (record?.envelope.recipients ?? []).map(({ index }) => record?.results.get(index)?.state);
}

describe('deleting a job', () => {
  it('gives its open recipients the final result "deleted", and leaves the others theirs', async () => {
    const id = await accept(fixture.store, 'one@a.example', 'two@a.example', 'three@b.example');
    const job = await defer(fixture.store, 'a.example', 60_000);
    await fixture.store.spool.record(id, {
      results: new Map([[0, { state: 'delivered', atMs: 1 }]]),
      ledger: [],
    });
    await deleteJob(sources, domain, job.id);
    expect(await results(id)).toEqual(['delivered', 'deleted', undefined]);
    expect(await fixture.store.queues.states([domain])).toMatchObject([{ delayed: 0, waiting: 0 }]);
  });

  it('is refused while a worker holds it, and then nothing is recorded', async () => {
    const id = await accept(fixture.store, 'one@a.example');
    const job = await take(fixture.store, 'a.example');
    await expect(deleteJob(sources, domain, job.id)).rejects.toMatchObject({ statusCode: 409 });
    expect(await results(id)).toEqual([undefined]);
    await fixture.store.queues.giveBack(job);
  });

  it('is no trouble when it is gone already or none of ours', async () => {
    await deleteJob(sources, domain, '17');
    await deleteJob(sources, domain, `m00${'a'.repeat(26)}-0`);
  });
});

describe('reopening a failed job', () => {
  it('opens those who did not get the message, and nobody else', async () => {
    const id = await accept(fixture.store, 'one@a.example', 'two@a.example');
    const job = await fail(fixture.store, 'a.example', { 0: 'bounced', 1: 'delivered' });
    await reopenJob(sources, domain, job.id);
    expect(await results(id)).toEqual([undefined, 'delivered']);
  });

  it('is refused when the body is gone', async () => {
    const id = await accept(fixture.store, 'one@a.example');
    const job = await fail(fixture.store, 'a.example', { 0: 'bounced' });
    await fixture.redis.client().del(`{mw0}:!body:${id}`);
    await expect(reopenJob(sources, domain, job.id)).rejects.toThrow(/body of this message is gone/);
    expect(await results(id)).toEqual(['bounced']);
  });

  it('is refused for a job that waits', async () => {
    const id = await accept(fixture.store, 'one@a.example');
    await expect(reopenJob(sources, domain, `${id}-0`)).rejects.toMatchObject({ statusCode: 409 });
  });

  it('needs no result of a quarantined message, only its body', async () => {
    const id = await accept(fixture.store, 'one@a.example');
    const job = await fail(fixture.store, 'a.example', {});
    await reopenJob(sources, domain, job.id);
    expect(await results(id)).toEqual([undefined]);
    await fixture.redis.client().del(`{mw0}:!body:${id}`);
    await expect(reopenJob(sources, domain, job.id)).rejects.toThrow(/body of this message is gone/);
  });
});
