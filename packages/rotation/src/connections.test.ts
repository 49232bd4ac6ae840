/** Connection limits: leases in Redis, the limit of a new host, and what picks make of a host at its limit. */
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRotation } from './create-rotation.ts';
import { hostNamed, hostOf, nobodyOf, optionsWith, requestFor, tierOf } from './fixture.ts';
import type { Rotation } from './types.ts';

let redis: TestRedis;
let client: Redis;
let rotation: Rotation;
let nowMs = 0;
const a = hostNamed('a');
const pair = [tierOf('pair:0', 'a', 'b')];
const single = [tierOf('single:0', 'a')];

beforeAll(async () => {
  redis = await startRedis();
  client = redis.client();
  rotation = createRotation(
    optionsWith(client, { clock: () => nowMs, connectionsPerHostMax: 12, successPaceMs: 0 }),
  );
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await client.flushall();
  nowMs = 1_700_000_000_000;
});

/** Opens connections until the host is at its limit; says how many. */
async function openAll(host = a): Promise<number> {
  for (let at = 0; at < 1000; at += 1) if (!(await rotation.openConnection(host, `c${at}`))) return at;
  throw new Error('no limit');
}

async function succeed(count: number): Promise<void> {
  await rotation.pick(requestFor(single, { warm: new Set([a.key]), successes: new Map([[a.key, count]]) }));
}

describe('the limit of a host', () => {
  it('is the initial one while nobody has proven it', async () => {
    expect(await openAll()).toBe(5);
  });

  it('doubles as successes come in, up to the most', async () => {
    const limits: number[] = [];
    for (const successes of [4, 1, 9, 1, 20]) {
      await succeed(successes);
      limits.push(await openAll());
    }
    expect(limits).toEqual([5, 10, 10, 12, 12]);
  });

  it('is the policy’s own where it names one', async () => {
    const narrow = hostNamed('narrow', { connectionsMax: 2 });
    expect(await openAll(narrow)).toBe(2);
    const wide = hostNamed('wide', { connectionsMax: 40 });
    await rotation.pick(requestFor(single, { successes: new Map([[wide.key, 35]]) }));
    expect(await openAll(wide)).toBe(40);
  });

  it('is the initial one again when nothing succeeded for long', async () => {
    const brief = createRotation(optionsWith(client, { provenSeconds: 0.2, successPaceMs: 0 }));
    await brief.pick(requestFor(single, { successes: new Map([[a.key, 5]]) }));
    for (let at = 0; at < 6; at += 1) expect(await brief.openConnection(a, `c${at}`)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(await brief.openConnection(a, 'c6')).toBe(false);
  });

  it('is shared by the whole cluster, however many ask at once', async () => {
    const others = Array.from({ length: 4 }, () =>
      createRotation(optionsWith(redis.client(), { clock: () => nowMs })),
    );
    const taken = await Promise.all(
      others.flatMap((one, worker) =>
        Array.from({ length: 10 }, (_, at) => one.openConnection(a, `${worker}-${at}`)),
      ),
    );
    expect(taken.filter(Boolean).length).toBe(5);
  });
});

describe('a lease', () => {
  it('is given back by closing, once', async () => {
    expect(await openAll()).toBe(5);
    await rotation.closeConnection(a, 'c0');
    await rotation.closeConnection(a, 'c0');
    expect(await rotation.openConnection(a, 'x')).toBe(true);
    expect(await rotation.openConnection(a, 'y')).toBe(false);
  });

  it('of a dead process ends by itself, one that is renewed does not', async () => {
    expect(await openAll()).toBe(5);
    nowMs += 40_000;
    await rotation.renewConnections([
      { host: a, connectionId: 'c0' },
      { host: a, connectionId: 'c1' },
    ]);
    nowMs += 20_000;
    for (const id of ['x', 'y', 'z']) expect(await rotation.openConnection(a, id)).toBe(true);
    expect(await rotation.openConnection(a, 'w')).toBe(false);
  });

  it('that was given back does not come back by a renewal that was under way', async () => {
    await openAll();
    await rotation.closeConnection(a, 'c0');
    await rotation.renewConnections([{ host: a, connectionId: 'c0' }]);
    expect(await client.zscore('conn:{mw:h}:a:25', 'c0')).toBeNull();
  });

  it('can be asked for again by its owner at the limit', async () => {
    await openAll();
    expect(await rotation.openConnection(a, 'c3')).toBe(true);
  });

  it('is renewed also when there are more than one call takes', async () => {
    const wide = hostNamed('wide', { connectionsMax: 2000 });
    await rotation.pick(requestFor(single, { successes: new Map([[wide.key, 3000]]) }));
    const held = Array.from({ length: 1201 }, (_, at) => ({ host: wide, connectionId: `c${at}` }));
    for (const one of held) await rotation.openConnection(wide, one.connectionId);
    nowMs += 30_000;
    await rotation.renewConnections(held);
    expect(await client.zcount('conn:{mw:h}:wide:25', nowMs + 60_000, '+inf')).toBe(1201);
  });
});

describe('a pick', () => {
  it('passes over a host at its limit, and goes back to it without a burst', async () => {
    await openAll();
    for (let at = 0; at < 10; at += 1)
      expect(hostOf(await rotation.pick(requestFor(pair))).host.key).toBe('b:25');
    await rotation.closeConnection(a, 'c0');
    const after: string[] = [];
    for (let at = 0; at < 6; at += 1) after.push(hostOf(await rotation.pick(requestFor(pair))).host.key);
    expect(after).toEqual(['a:25', 'a:25', 'b:25', 'a:25', 'b:25', 'a:25']); // its own turn and the one it is owed, no more
  });

  it('takes a host at its limit if the process holds an idle connection to it', async () => {
    await openAll();
    expect(hostOf(await rotation.pick(requestFor(single, { warm: new Set([a.key]) }))).host.key).toBe('a:25');
  });

  it('says that only the limit stands in the way', async () => {
    await openAll();
    expect(nobodyOf(await rotation.pick(requestFor(single)))).toMatchObject({
      cause: 'busy',
      retryAtMs: nowMs + 1000,
    });
  });

  it('takes the host again when a success raised its limit or a lease ended', async () => {
    await openAll();
    await succeed(5);
    expect(hostOf(await rotation.pick(requestFor(single))).mode).toBe('go');
    for (let at = 5; at < 10; at += 1) await rotation.openConnection(a, `c${at}`);
    expect(nobodyOf(await rotation.pick(requestFor(single))).cause).toBe('busy');
    nowMs += 60_001;
    expect(hostOf(await rotation.pick(requestFor(single))).mode).toBe('go');
  });

  it('does not probe a host at its limit whose rest is over', async () => {
    await openAll();
    const { host, epoch } = hostOf(await rotation.pick(requestFor(single, { warm: new Set([a.key]) })));
    await rotation.report({
      host,
      epoch,
      outcome: 'fail',
      leaseId: 'l',
      messageId: 'm1' as never,
      reply: 'x',
    });
    nowMs += 15_000;
    expect(nobodyOf(await rotation.pick(requestFor(single)))).toMatchObject({
      cause: 'busy',
      retryAtMs: nowMs + 1000,
    });
    expect(hostOf(await rotation.pick(requestFor(single, { warm: new Set([a.key]) }))).mode).toBe('probe');
  });

  it('does not probe beyond the limit, also while nobody is up', async () => {
    await openAll();
    const pick = await rotation.pick(requestFor(single, { warm: new Set([a.key]) }));
    const { host, epoch } = hostOf(pick);
    await rotation.report({
      host,
      epoch,
      outcome: 'fail',
      leaseId: 'l',
      messageId: 'm1' as never,
      reply: 'x',
    });
    await client.hset('host:{mw:h}:a:25', 'until', nowMs + 300_000);
    await rotation.renewConnections([0, 1, 2, 3, 4].map((at) => ({ host: a, connectionId: `c${at}` })));
    nowMs += 40_000;
    expect(nobodyOf(await rotation.pick(requestFor(single))).kind).toBe('none');
    await rotation.closeConnection(a, 'c0');
    expect(hostOf(await rotation.pick(requestFor(single))).mode).toBe('probe');
  });
});

describe('turns taken by connection', () => {
  it('use a warm host without a turn, and take one when a connection must be opened', async () => {
    const byConnection = createRotation(optionsWith(client, { clock: () => nowMs, rotate: 'connection' }));
    const warm = new Set(['a:25']);
    for (let at = 0; at < 5; at += 1)
      expect(hostOf(await byConnection.pick(requestFor(pair, { warm }))).host.key).toBe('a:25');
    const cold: string[] = [];
    for (let at = 0; at < 4; at += 1) cold.push(hostOf(await byConnection.pick(requestFor(pair))).host.key);
    expect(cold).toEqual(['a:25', 'b:25', 'a:25', 'b:25']);
  });
});
