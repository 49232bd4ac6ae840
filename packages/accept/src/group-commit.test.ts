import { startRedis, type TestRedis } from '@mailwheel/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Transaction } from './deps.ts';
import { GroupCommit } from './group-commit.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ arguments: ['--repl-diskless-sync-delay', '0'] });
});
afterAll(() => redis.stop());

type Multi = Transaction & {
  set(key: string, value: string): unknown;
  hget(key: string, field: string): unknown;
};

describe('a group', () => {
  it('holds what arrived while the last one was under way, at most entriesMax', async () => {
    const client = redis.client();
    const sizes: number[] = [];
    let open = 0;
    const group = new GroupCommit<Multi>({
      shard: 0,
      begin: async () => {
        open++;
        return client.multi() as unknown as Multi;
      },
      entriesMax: 10,
      replicas: {
        wanted: 0,
        timeoutMs: 10,
        wait: async () => {
          sizes.push(open);
          open = 0;
          return client.wait(0, 10);
        },
      },
    });
    const outcomes = await Promise.all(
      Array.from({ length: 25 }, (_, n) => group.run(1, async (multi) => void multi.set(`k${n}`, 'v'))),
    );
    expect(outcomes).toEqual(Array.from({ length: 25 }, () => ({ kind: 'written' })));
    expect(sizes).toEqual([10, 10, 5]);
    expect(await client.exists(...Array.from({ length: 25 }, (_, n) => `k${n}`))).toBe(25);
  });

  it('is bounded in bytes, but lets a single large body pass', async () => {
    const client = redis.client();
    let begun = 0;
    const begunAtWait: number[] = [];
    const group = new GroupCommit<Multi>({
      shard: 0,
      begin: async () => {
        begun++;
        return client.multi() as unknown as Multi;
      },
      bytesMax: 100,
      replicas: { wanted: 0, timeoutMs: 1, wait: async () => begunAtWait.push(begun) },
    });
    const sizes = [500, 60, 30, 60];
    await Promise.all(sizes.map((bytes) => group.run(bytes, async (multi) => void multi.set('k', 'v'))));
    expect(begunAtWait).toEqual([1, 3, 4]);
  });

  it('tells each of its members its own fate', async () => {
    const client = redis.client();
    await client.set('text', 'x');
    const group = new GroupCommit<Multi>({
      shard: 0,
      begin: async () => client.multi() as unknown as Multi,
    });
    const [bad, good, broken] = await Promise.all([
      group.run(1, async (multi) => void multi.hget('text', 'f')),
      group.run(1, async (multi) => void multi.set('fine', 'v')),
      group.run(1, async () => {
        throw new Error('no connection');
      }),
    ]);
    expect(bad).toMatchObject({ kind: 'half-written', entry: 0 });
    expect(good).toEqual({ kind: 'written' });
    expect(broken).toMatchObject({ kind: 'nothing', why: 'unavailable', reason: 'no connection' });
  });
});

describe('with replicas', () => {
  it('is in doubt when fewer than wanted acknowledge', async () => {
    const client = redis.client();
    const group = new GroupCommit<Multi>({
      shard: 0,
      begin: async () => client.multi() as unknown as Multi,
      replicas: { wanted: 1, timeoutMs: 20, wait: (_, wanted, timeoutMs) => client.wait(wanted, timeoutMs) },
    });
    expect(await group.run(1, async (multi) => void multi.set('k', 'v'))).toEqual({
      kind: 'unsure',
      reason: '0 of 1 replicas acknowledged within 20 ms',
    });
  });

  it('answers when the replica has it', async () => {
    const replica = await startRedis({ arguments: ['--replicaof', '127.0.0.1', String(redis.port)] });
    try {
      const client = redis.client();
      for (let tries = 0; tries < 200; tries++) {
        if (/state=online/.test(await client.info('replication'))) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const group = new GroupCommit<Multi>({
        shard: 0,
        begin: async () => client.multi() as unknown as Multi,
        replicas: {
          wanted: 1,
          timeoutMs: 2000,
          wait: (_, wanted, timeoutMs) => client.wait(wanted, timeoutMs),
        },
      });
      expect(await group.run(1, async (multi) => void multi.set('replicated', 'v'))).toEqual({
        kind: 'written',
      });
      expect(await replica.client().get('replicated')).toBe('v');
    } finally {
      await replica.stop();
    }
  });
});
