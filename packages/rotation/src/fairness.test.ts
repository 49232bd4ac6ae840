/** Strictness over many workers, on a real Redis: 4 connections with 20 streams each ask at once, in no order. */
import type { DestinationKey, MessageId } from '@mailwheel/envelope';
import type { Host, Tier } from '@mailwheel/routing';
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createRotation } from './create-rotation.ts';
import type { Pick, PickRequest, Rotation } from './types.ts';

const streamsPerWorker = 20;
const nobody: ReadonlySet<string> = new Set();
let redis: TestRedis;
let workers: Rotation[];
let run = 0;
let tiers: Tier[];

function host(name: string): Host {
  return {
    key: `${name}:25`,
    label: `${name}:25`,
    address: name,
    port: 25,
    policy: { tls: 'opportunistic' },
  };
}

beforeAll(async () => {
  redis = await startRedis();
  workers = Array.from({ length: 4 }, () =>
    createRotation({
      client: redis.client(),
      health: {
        firstRestSeconds: 60,
        longestRestSeconds: 300,
        aloneRestSeconds: 30,
        restJitter: 0.2,
        rampStartPerSecond: 5,
        rampLevels: 6,
        probeLeaseSeconds: 60,
      },
      shySeconds: 5,
      connectionsPerHostMax: 100,
      initialConnections: 100,
      provenSeconds: 600,
      rotate: 'message',
      connectionLeaseSeconds: 60,
    }),
  );
});
afterAll(() => redis.stop());
beforeEach(() => {
  run += 1;
  tiers = [{ key: `r${run}:0`, hosts: ['a', 'b', 'c'].map((name) => host(`${name}${run}`)) }];
});

function request(more: Partial<PickRequest> = {}): PickRequest {
  return {
    destination: 'example.com' as DestinationKey,
    tiers,
    tried: nobody,
    warm: nobody,
    shy: nobody,
    leaseId: 'lease',
    ...more,
  };
}

type Deliver = (worker: Rotation, messageId: MessageId) => Promise<string>;

/** Delivers `count` messages over all streams; says how many each host got, by the first letter of its name. */
async function deliverAll(count: number, deliver: Deliver): Promise<Map<string, number>> {
  const got = new Map<string, number>();
  let next = 0;
  const stream = async (worker: Rotation): Promise<void> => {
    while (next < count) {
      next += 1;
      const name = (await deliver(worker, `m${next}` as MessageId)).charAt(0);
      got.set(name, (got.get(name) ?? 0) + 1);
    }
  };
  await Promise.all(
    workers.flatMap((worker) => Array.from({ length: streamsPerWorker }, () => stream(worker))),
  );
  return got;
}

function named(pick: Pick): Extract<Pick, { kind: 'host' }> {
  if (pick.kind === 'none') throw new Error(`nobody: ${pick.cause}`);
  return pick;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

it('gives each of three healthy hosts exactly a third', async () => {
  const got = await deliverAll(3000, async (worker) => {
    const pick = named(await worker.pick(request()));
    await pause(Math.random() * 2);
    return pick.host.key;
  });
  expect(Object.fromEntries(got)).toEqual({ a: 1000, b: 1000, c: 1000 });
});

it('gives the others exactly half each when one of three is down, and touches it no more than what was in flight', async () => {
  let touches = 0;
  const got = await deliverAll(3000, async (worker, messageId) => {
    const tried = new Set<string>();
    for (;;) {
      const pick = named(await worker.pick(request({ tried })));
      if (!pick.host.key.startsWith('b')) {
        await pause(Math.random() * 2);
        return pick.host.key;
      }
      touches += 1;
      tried.add(pick.host.key);
      await pause(5);
      const { host: refused, epoch } = pick;
      await worker.report({
        host: refused,
        epoch,
        outcome: 'fail',
        leaseId: 'lease',
        messageId,
        reply: 'refused',
      });
    }
  });
  expect(touches).toBeGreaterThan(0);
  expect(touches).toBeLessThanOrEqual(workers.length * streamsPerWorker);
  expect(Math.abs((got.get('a') ?? 0) - 1500)).toBeLessThanOrEqual(1);
  expect((got.get('a') ?? 0) + (got.get('c') ?? 0)).toBe(3000);
});

it('lets two hosts alternate strictly while the third comes and goes', async () => {
  const [worker] = workers;
  if (worker === undefined) throw new Error('no worker');
  const flapping = new Set([`c${run}:25`]);
  const pair: string[] = [];
  for (let at = 0; at < 300; at += 1) {
    const pick = named(await worker.pick(request({ tried: (at * 7919) % 13 < 6 ? nobody : flapping })));
    if (!flapping.has(pick.host.key)) pair.push(pick.host.key);
  }
  expect(new Set(pair).size).toBe(2);
  for (let at = 1; at < pair.length; at += 1) expect(pair[at]).not.toBe(pair[at - 1]);
});

it('gives a host that was away its share from now on, and no burst for what it missed', async () => {
  const away = new Set([`a${run}:25`]);
  await deliverAll(600, async (worker) => named(await worker.pick(request({ tried: away }))).host.key);
  const got = await deliverAll(30, async (worker) => named(await worker.pick(request())).host.key);
  for (const name of ['a', 'b', 'c']) {
    expect(got.get(name)).toBeGreaterThanOrEqual(9);
    expect(got.get(name)).toBeLessThanOrEqual(11);
  }
});
