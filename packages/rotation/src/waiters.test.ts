/** Destinations whose hosts all rest: who waits, who is told, and how often. */
import type { DestinationKey, MessageId } from '@mailwheel/envelope';
import type { Tier } from '@mailwheel/routing';
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createRotation } from './create-rotation.ts';
import { hostOf, nobodyOf, optionsWith, requestFor, tierOf } from './fixture.ts';
import type { HostOutcome, Pick, Rotation } from './types.ts';

let redis: TestRedis;
let client: Redis;
let rotation: Rotation;
let nowMs = 0;
const onA = [tierOf('a:0', 'a')];
const onB = [tierOf('b:0', 'b')];
const onBoth = [tierOf('both:0', 'a'), tierOf('both:1', 'b')];

beforeAll(async () => {
  redis = await startRedis();
  client = redis.client();
  rotation = createRotation(
    optionsWith(client, {
      clock: () => nowMs,
      initialConnections: 100,
      waiterSpreadMs: 0,
      waitersPerHostMax: 100,
    }),
  );
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await client.flushall();
  nowMs = 1_700_000_000_000;
});

const destination = (name: string): { destination: DestinationKey } => ({
  destination: name as DestinationKey,
});

async function tell(pick: Pick, outcome: HostOutcome): Promise<void> {
  const { host, epoch } = hostOf(pick);
  await rotation.report({ host, epoch, outcome, leaseId: 'lease', messageId: 'm1' as MessageId, reply: 'x' });
}

async function goDown(tiers: readonly Tier[]): Promise<void> {
  await tell(await rotation.pick(requestFor(tiers)), 'fail');
}

async function comeBack(tiers: readonly Tier[]): Promise<void> {
  nowMs += 15_000;
  await tell(await rotation.pick(requestFor(tiers, destination('prober.example'))), 'ok');
}

async function refuse(tiers: readonly Tier[], name: string): Promise<number> {
  nowMs += 1;
  return nobodyOf(await rotation.pick(requestFor(tiers, destination(name)))).retryAtMs;
}

it('hands each destination out once, those waiting longest first, in portions', async () => {
  await goDown(onA);
  for (const name of ['d1', 'd2', 'd3', 'd4', 'd5']) await refuse(onA, name);
  await refuse(onA, 'd1'); // asks again: keeps its place
  expect(await rotation.releaseWaiters(10)).toEqual([]);
  await comeBack(onA);
  expect(await rotation.releaseWaiters(2)).toEqual(['d1', 'd2']);
  expect(await rotation.releaseWaiters(2)).toEqual(['d3', 'd4']);
  expect(await rotation.releaseWaiters(2)).toEqual(['d5']);
  expect(await rotation.releaseWaiters(2)).toEqual([]);
});

it('hands a destination that waits for two hosts out once, whichever comes back', async () => {
  await goDown(onA);
  await goDown(onB);
  await refuse(onBoth, 'both');
  await refuse(onB, 'onlyB');
  await comeBack(onA);
  expect(await rotation.releaseWaiters(10)).toEqual(['both']);
  expect(await client.zrange('wait:{mw:h}:b:25', '0', '-1')).toEqual(['onlyB']);
  await comeBack(onB);
  expect(await rotation.releaseWaiters(10)).toEqual(['onlyB']);
  expect(await client.keys('wait*')).toEqual([]);
  expect(await client.keys('ready*')).toEqual([]);
});

it('keeps who waits for a host that fell again, until it comes back for good', async () => {
  await goDown(onA);
  await refuse(onA, 'd1');
  await comeBack(onA);
  await tell(await rotation.pick(requestFor(onA)), 'fail');
  expect(await rotation.releaseWaiters(10)).toEqual([]);
  expect(await client.exists('ready:{mw:h}')).toBe(0); // not looked at again and again meanwhile
  nowMs += 15_000;
  await comeBack(onA);
  expect(await rotation.releaseWaiters(10)).toEqual(['d1']);
});

it('follows a destination whose route has changed', async () => {
  await goDown(onA);
  await goDown(onB);
  await refuse(onA, 'moved');
  await refuse(onB, 'moved');
  await comeBack(onA);
  expect(await rotation.releaseWaiters(10)).toEqual([]);
  await comeBack(onB);
  expect(await rotation.releaseWaiters(10)).toEqual(['moved']);
});

it('lists nobody when hosts are up and were merely asked already', async () => {
  await rotation.pick(requestFor(onA, { tried: new Set(['a:25']) }));
  expect(await client.keys('wait*')).toEqual([]);
});

it('lists no more than the limit; the others look again by themselves', async () => {
  await goDown(onA);
  for (let at = 0; at < 120; at += 1) expect(await refuse(onA, `d${at}`)).toBeGreaterThan(nowMs);
  expect(await client.zcard('wait:{mw:h}:a:25')).toBe(100);
});

it('spreads those who wait, in the order in which they came, by no more than an alone rest', async () => {
  const spread = createRotation(optionsWith(client, { clock: () => nowMs, waiterSpreadMs: 20 }));
  await goDown(onA);
  const until = nowMs + 15_000;
  const times: number[] = [];
  for (let at = 0; at < 4; at += 1) {
    nowMs += 1;
    times.push(nobodyOf(await spread.pick(requestFor(onA, destination(`d${at}`)))).retryAtMs);
  }
  expect(times).toEqual([until, until + 20, until + 40, until + 60]);
  const wide = createRotation(optionsWith(client, { clock: () => nowMs, waiterSpreadMs: 1e9 }));
  expect(nobodyOf(await wide.pick(requestFor(onA, destination('last')))).retryAtMs).toBe(until + 30_000);
});

it('leaves nothing of domains whose hosts were never in trouble, and nothing without an end anywhere', async () => {
  for (let at = 0; at < 300; at += 1)
    await rotation.pick(requestFor([tierOf(`d${at}:0`, `h${at}`)], destination(`d${at}`)));
  expect(await client.dbsize()).toBe(0);
  await goDown(onBoth);
  await goDown(onBoth);
  await refuse(onBoth, 'both');
  await rotation.pick(requestFor([tierOf('t:0', 'x', 'y')], { successes: new Map([['x:25', 3]]) }));
  const x = tierOf('t:0', 'x').hosts[0];
  if (x === undefined) throw new Error('no host');
  for (let at = 0; at < 101; at += 1) await rotation.openConnection(x, `c${at}`);
  const keys = await client.keys('*');
  expect(keys.length).toBeGreaterThanOrEqual(10);
  for (const key of keys) expect(await client.pttl(key), key).toBeGreaterThan(0);
});

it('forgets hosts that left a tier, so that rotating addresses do not pile up', async () => {
  for (let at = 0; at < 3000; at += 1) await rotation.pick(requestFor([tierOf('t:0', 'fixed', `h${at}`)]));
  expect(await client.hlen('turn:{mw:h}:t:0')).toBeLessThan(150);
});
