/** Delete and deliver again, on a real Redis: what becomes of record, job and queue. */
import { destinationKey, type DestinationKey, type FinalState, type MessageId } from '@mailwheel/envelope';
import type { HeldJob } from '@mailwheel/queue';
import { parseSettings, resolveFor } from '@mailwheel/settings';
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deleteJob, deliverAgain, openStore, type OperateSources, type Store } from './index.ts';

let redis: TestRedis;
let store: Store;
let sources: OperateSources;
const shards = 3;
const a = key('a.example');

beforeAll(async () => {
  redis = await startRedis();
  const parsed = parseSettings({
    yaml: JSON.stringify({ redis: { url: redis.url, shards } }),
    environment: {},
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  store = await openStore(resolveFor('worker', parsed.settings), { purpose: 'worker', name: 'test' });
  sources = { queues: store.queues, spool: store.spool, nowMs: () => store.clock.nowMs(), shards };
});
beforeEach(() => redis.client().flushdb());
afterAll(async () => {
  await store.close();
  await redis.stop();
});

function key(domain: string): DestinationKey {
  const result = destinationKey(domain);
  if (!result.ok) throw new Error(result.text);
  return result.key;
}

async function accept(...addresses: readonly string[]): Promise<MessageId> {
  const accepted = await store.acceptor.accept({
    envelope: {
      reversePath: 'sender@example.net',
      recipients: addresses.map((address, index) => ({
        index,
        address,
        destination: key(address.slice(address.indexOf('@') + 1)),
      })),
      smtpUtf8: false,
      body: '8BITMIME',
      priority: 'normal',
      origin: { protocol: 'smtp', clientAddress: '192.0.2.7', connectionNumber: 1 },
      subject: 'Hello',
    },
    body: Buffer.from('Subject: Hello\r\n\r\nbody\r\n'),
  });
  if (accepted.kind !== 'accepted') throw new Error(JSON.stringify(accepted));
  return accepted.messageId;
}

async function take(): Promise<HeldJob> {
  const taken = await store.queues.take(a);
  if (taken.kind !== 'job') throw new Error('nothing to take');
  return taken.job;
}

/** One attempt of a worker: these recipients get these results, and the job is deferred while one is open, else failed. */
async function attempt(results: Readonly<Record<number, FinalState>>): Promise<HeldJob> {
  const job = await take();
  await store.spool.open(job.data.message);
  const atMs = store.clock.nowMs();
  const { open } = await store.spool.record(job.data.message, {
    results: new Map(Object.entries(results).map(([index, state]) => [Number(index), { state, atMs }])),
    ledger: [],
  });
  const left = job.data.to.filter(([index]) => !(index in results));
  const failedRecipients =
    (job.data.failedRecipients ?? 0) + Object.values(results).filter((state) => state !== 'delivered').length;
  if (open === 0 || left.length === 0) {
    await store.queues.fail(job, { data: { ...job.data, failedRecipients }, reason: '550' }, false);
  } else {
    const data = { ...job.data, to: left, failedRecipients };
    await store.queues.defer(
      job,
      { delayMs: 0, data, reason: '452', countAttempt: true, parked: false },
      false,
    );
  }
  return job;
}

async function states(id: MessageId): Promise<(FinalState | undefined)[]> {
  const record = await store.spool.read(id);
  return (record?.envelope.recipients ?? []).map(({ index }) => record?.results.get(index)?.state);
}

describe('deliver again', () => {
  it('opens whoever bounced, in whichever attempt, and makes one fresh job for all of them at once', async () => {
    const id = await accept('one@a.example', 'two@a.example', 'three@a.example');
    await attempt({ 0: 'bounced' });
    const { id: job } = await attempt({ 1: 'delivered', 2: 'expired' });
    expect((await store.queues.job(a, job))?.data?.to).toHaveLength(2);
    expect(await deliverAgain(sources, a, job)).toEqual({ kind: 'again', recipients: 2 });
    expect(await states(id)).toEqual([undefined, 'delivered', undefined]);
    const again = await take();
    expect(again).toMatchObject({ id: job, attemptsMade: 0, stalledCount: 0 });
    expect(again.data).toEqual({
      v: 1,
      message: id,
      from: 'sender@example.net',
      to: [
        [0, 'one@a.example'],
        [2, 'three@a.example'],
      ],
      acceptedAtMs: expect.any(Number),
      priority: 'normal',
    });
    await store.queues.complete(again, false);
  });

  it('forgets earlier failures, or the next job would end as failed although everybody got the message', async () => {
    await accept('one@a.example');
    const { id: job } = await attempt({ 0: 'bounced' });
    expect((await store.queues.job(a, job))?.data?.failedRecipients).toBe(1);
    await deliverAgain(sources, a, job);
    expect((await take()).data.failedRecipients).toBeUndefined();
  });

  it('forgets the crashes of a message that was set aside, or it is set aside again unseen', async () => {
    const id = await accept('one@a.example');
    const { id: job } = await attempt({});
    await store.queues.fail(
      await take(),
      { data: (await recordedData(job)) as never, reason: 'set aside' },
      false,
    );
    await redis.client().hset(await jobKey(job), 'stc', '5');
    expect(await deliverAgain(sources, a, job)).toEqual({ kind: 'again', recipients: 1 });
    expect((await take()).stalledCount).toBe(0);
    expect(await states(id)).toEqual([undefined]);
  });

  it('makes the job that is gone while the record is kept', async () => {
    await accept('one@a.example');
    const { id: job } = await attempt({ 0: 'bounced' });
    await store.queues.removeJob(a, job);
    expect(await deliverAgain(sources, a, job)).toEqual({ kind: 'again', recipients: 1 });
    expect((await take()).id).toBe(job);
  });

  it('is due at once', async () => {
    await accept('one@a.example');
    const { id: job } = await attempt({ 0: 'bounced' });
    await store.queues.settle(a, { took: true });
    await deliverAgain(sources, a, job);
    const claims = await Promise.all([0, 1, 2].map((shard) => store.queues.claim(shard, 10)));
    expect(claims.flatMap(({ destinations }) => destinations)).toEqual([a]);
  });

  it('pressed twice at the same time is one job', async () => {
    await accept('one@a.example');
    const { id: job } = await attempt({ 0: 'bounced' });
    await Promise.all([deliverAgain(sources, a, job), deliverAgain(sources, a, job)]);
    expect(await store.queues.states([a])).toMatchObject([{ waiting: 1, failed: 0, active: 0 }]);
  });

  it('is refused, and changes nothing, for what waits, has no record, has no body', async () => {
    const id = await accept('one@a.example');
    expect(await deliverAgain(sources, a, `${id}-0`)).toEqual({ kind: 'not-failed' });
    const { id: job } = await attempt({ 0: 'bounced' });
    const body = (await redis.client().keys(`*:!body:${id}`))[0] ?? '';
    await redis.client().del(body);
    expect(await deliverAgain(sources, a, job)).toEqual({ kind: 'no-body' });
    expect(await states(id)).toEqual(['bounced']);
    expect(await store.queues.states([a])).toMatchObject([{ waiting: 0, failed: 1 }]);
    await store.spool.remove(id);
    expect(await deliverAgain(sources, a, job)).toEqual({ kind: 'no-record' });
  });

  it('is refused where everybody has the message already', async () => {
    const id = await accept('one@a.example');
    await attempt({ 0: 'delivered' });
    await store.queues.removeJob(a, `${id}-0` as never);
    expect(await deliverAgain(sources, a, `${id}-0`)).toEqual({ kind: 'not-failed' });
  });
});

describe('delete', () => {
  it('gives open recipients the final result "deleted", leaves the others theirs, and takes the job away', async () => {
    const id = await accept('one@a.example', 'two@a.example', 'three@b.example');
    await attempt({ 0: 'delivered' });
    expect(await deleteJob(sources, a, `${id}-0`)).toEqual({
      kind: 'deleted',
      job: 'removed',
      recipients: 1,
    });
    expect(await states(id)).toEqual(['delivered', 'deleted', undefined]);
    expect(await store.queues.states([a])).toMatchObject([{ delayed: 0, waiting: 0 }]);
  });

  it('is refused while a worker holds the job, and then nothing is recorded', async () => {
    const id = await accept('one@a.example');
    const job = await take();
    expect(await deleteJob(sources, a, job.id)).toEqual({ kind: 'active' });
    expect(await states(id)).toEqual([undefined]);
    await store.queues.giveBack(job);
  });

  it('is no trouble when the job is gone already or none of ours', async () => {
    expect(await deleteJob(sources, a, '17')).toEqual({ kind: 'deleted', job: 'missing', recipients: 0 });
    expect(await deleteJob(sources, a, `m00${'a'.repeat(26)}-0`)).toMatchObject({ job: 'missing' });
  });
});

async function jobKey(id: string): Promise<string> {
  return (await redis.client().keys(`*:a.example:${id}`))[0] ?? '';
}

async function recordedData(id: string): Promise<unknown> {
  return JSON.parse((await redis.client().hget(await jobKey(id), 'data')) ?? '{}') as unknown;
}
