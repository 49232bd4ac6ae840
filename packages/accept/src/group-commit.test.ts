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
  it('is one MULTI of what arrived while the last one was under way, at most entriesMax', async () => {
    const client = redis.client();
    const { sizes, begin, fill } = sizesOf(client);
    const group = new GroupCommit<Multi>({ shard: 0, begin, entriesMax: 10 });
    const outcomes = await Promise.all(Array.from({ length: 25 }, (_, n) => group.run(1, fill(`k${n}`))));
    expect(outcomes).toEqual(Array.from({ length: 25 }, () => ({ kind: 'written' })));
    expect(sizes).toEqual([10, 10, 5]);
    expect(await client.exists(...Array.from({ length: 25 }, (_, n) => `k${n}`))).toBe(25);
  });

  it('is bounded in bytes, but lets a single large body pass', async () => {
    const { sizes, begin, fill } = sizesOf(redis.client());
    const group = new GroupCommit<Multi>({ shard: 0, begin, bytesMax: 100 });
    await Promise.all([500, 60, 30, 60].map((bytes) => group.run(bytes, fill('k'))));
    expect(sizes).toEqual([1, 2, 1]);
  });

  it('has one WAIT, behind it on the same connection', async () => {
    const client = redis.client();
    let waits = 0;
    const group = new GroupCommit<Multi>({
      shard: 0,
      begin: async () => client.multi() as unknown as Multi,
      replicas: {
        wanted: 0,
        timeoutMs: 1,
        wait: async () => {
          waits++;
          return client.wait(0, 1);
        },
      },
    });
    await Promise.all([1, 1, 1].map((bytes) => group.run(bytes, async (multi) => void multi.set('k', 'v'))));
    expect(waits).toBe(1);
  });

  it('tells each of its members its own fate', async () => {
    const client = redis.client();
    await client.set('text', 'x');
    const group = new GroupCommit<Multi>({
      shard: 0,
      begin: async () => client.multi() as unknown as Multi,
    });
    const [first, bad, good] = await Promise.all([
      group.run(1, async (multi) => void multi.set('a', 'v')),
      group.run(1, async (multi) => {
        multi.set('b', 'v');
        multi.hget('text', 'f');
      }),
      group.run(1, async (multi) => void multi.set('c', 'v')),
    ]);
    expect(first).toEqual({ kind: 'written' });
    expect(bad).toMatchObject({ kind: 'half-written', entry: 1 });
    expect(good).toEqual({ kind: 'written' });
  });

  it('sends nothing of a member that could not be written down whole, and all of the others', async () => {
    const client = redis.client();
    const group = new GroupCommit<Multi>({
      shard: 0,
      begin: async () => client.multi() as unknown as Multi,
    });
    const [before, broken, after] = await Promise.all([
      group.run(1, async (multi) => void multi.set('before', 'v')),
      group.run(1, async (multi) => {
        multi.set('torn', 'v');
        throw new Error('no recipients');
      }),
      group.run(1, async (multi) => void multi.set('after', 'v')),
    ]);
    expect([before, after]).toEqual([{ kind: 'written' }, { kind: 'written' }]);
    expect(broken).toMatchObject({ kind: 'nothing', why: 'unavailable', reason: 'no recipients' });
    expect(await client.mget('before', 'torn', 'after')).toEqual(['v', null, 'v']);
  });

  it('that cannot be begun is nothing for all of its members', async () => {
    const group = new GroupCommit<Multi>({
      shard: 0,
      begin: () => Promise.reject(new Error('no connection')),
    });
    const members = [1, 1].map((bytes) => group.run(bytes, async (multi) => void multi.set('k', 'v')));
    for (const outcome of await Promise.all(members))
      expect(outcome).toMatchObject({ kind: 'nothing', why: 'unavailable', reason: 'no connection' });
  });
});

/** Members of each MULTI that was begun. */
function sizesOf(client: ReturnType<TestRedis['client']>): {
  readonly sizes: number[];
  readonly begin: () => Promise<Multi>;
  readonly fill: (key: string) => (multi: Multi) => Promise<void>;
} {
  const sizes: number[] = [];
  return {
    sizes,
    begin: async () => {
      sizes.push(0);
      return client.multi() as unknown as Multi;
    },
    fill: (key) => async (multi) => {
      sizes[sizes.length - 1] = (sizes.at(-1) ?? 0) + 1;
      multi.set(key, 'v');
    },
  };
}

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
