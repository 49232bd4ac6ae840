import { startRedis, type TestRedis } from '@mailwheel/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Admission, type AdmissionOptions } from './admission.ts';

let redis: TestRedis;
let client: ReturnType<TestRedis['client']>;
beforeEach(async () => {
  redis = await startRedis({ arguments: ['--maxmemory', '20mb'] });
  client = redis.client();
});
afterEach(() => redis.stop());

function admission(options: Partial<AdmissionOptions> = {}): Admission {
  return new Admission({
    info: async (section) => [await client.info(section)],
    backlog: async () => 5,
    ...options,
  });
}

describe('the store', () => {
  it('is closed until Redis was asked, then open', async () => {
    const store = admission();
    expect(store.state()).toMatchObject({ kind: 'unavailable' });
    expect(await store.poll()).toBe(true);
    expect(store.state()).toEqual({ kind: 'open' });
  });

  it('is full from the high-water mark on and open again below it', async () => {
    const store = admission({ highWaterPercent: 60 });
    for (let n = 0; n < 12; n++) await client.set(`fill${n}`, Buffer.alloc(1_000_000));
    await store.poll();
    expect(store.state()).toMatchObject({
      kind: 'full',
      reason: expect.stringContaining('the limit is 60%'),
    });
    await client.flushall();
    await store.poll();
    expect(store.state()).toEqual({ kind: 'open' });
  });

  it('is full when too many messages wait', async () => {
    const store = admission({ backlogMessagesMax: 5 });
    await store.poll();
    expect(store.state()).toEqual({ kind: 'full', reason: '5 messages wait, the limit is 5' });
  });

  it('is unavailable while the replicas that are waited for are away', async () => {
    const store = admission({ replicasWanted: 1 });
    await store.poll();
    expect(store.state()).toEqual({ kind: 'unavailable', reason: '0 of 1 replicas are in step' });
  });

  it('is unavailable at once without a connection, and after three silent rounds with one', async () => {
    let nowMs = 0;
    let connected = true;
    const store = admission({ pollMs: 1000, monotonicMs: () => nowMs, connected: () => connected });
    await store.poll();
    connected = false;
    expect(store.state()).toMatchObject({ kind: 'unavailable' });
    connected = true;
    redis.process.kill('SIGKILL');
    client.disconnect();
    expect(await store.poll()).toBe(false);
    nowMs = 3000;
    expect(store.state()).toEqual({ kind: 'open' });
    nowMs = 3001;
    expect(store.state()).toMatchObject({ kind: 'unavailable' });
  });

  it('asks again and again until it is closed', async () => {
    const rounds: boolean[] = [];
    const store = admission({ pollMs: 10 });
    await store.start((answered) => rounds.push(answered));
    await expect.poll(() => rounds.length).toBeGreaterThan(2);
    store.close();
    const count = rounds.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(rounds.length).toBeLessThanOrEqual(count + 1);
  });
});
