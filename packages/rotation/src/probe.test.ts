/** Failing, resting, being probed and recovering, on a real Redis with the test's clock. */
import type { MessageId } from '@mailwheel/envelope';
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRotation } from './create-rotation.ts';
import { hostOf, nobodyOf, optionsWith, requestFor, tierOf } from './fixture.ts';
import type { HostOutcome, Pick, PickRequest, ReportResult, Rotation } from './types.ts';

let redis: TestRedis;
let workers: Rotation[];
let rotation: Rotation;
let nowMs = 0;
const pair = [tierOf('pair:0', 'a', 'b')];
const single = [tierOf('single:0', 'a')];

beforeAll(async () => {
  redis = await startRedis();
  workers = Array.from({ length: 4 }, () =>
    createRotation(
      optionsWith(redis.client(), { clock: () => nowMs, initialConnections: 100, waiterSpreadMs: 0 }),
    ),
  );
  [rotation] = workers as [Rotation];
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await redis.client().flushall();
  nowMs = 1_700_000_000_000;
});

async function tell(
  pick: Pick,
  outcome: HostOutcome,
  more: { leaseId?: string; messageId?: string } = {},
): Promise<ReportResult> {
  const { host, epoch } = hostOf(pick);
  const { leaseId = 'lease', messageId = 'm1' } = more;
  return rotation.report({
    host,
    epoch,
    outcome,
    leaseId,
    messageId: messageId as MessageId,
    reply: '451 4.3.0 x',
  });
}

/** Fails the first host of the tiers until it rests. */
async function setAside(request: PickRequest): Promise<void> {
  const result = await tell(await rotation.pick(request), 'fail');
  expect(result).toMatchObject({ kind: 'applied', to: 'unhealthy' });
}

describe('a host whose rest is over', () => {
  it('is probed by exactly one message of the whole cluster', async () => {
    await setAside(requestFor(single));
    nowMs += 15_000;
    const picks = await Promise.all(
      Array.from({ length: 80 }, (_, at) =>
        (workers[at % 4] as Rotation).pick(requestFor(single, { leaseId: `lease${at}` })),
      ),
    );
    const probes = picks.filter((pick) => pick.kind === 'host');
    expect(probes.map((pick) => hostOf(pick).mode)).toEqual(['probe']);
    for (const pick of picks.filter((one) => one.kind === 'none')) {
      expect(pick).toEqual({ kind: 'none', cause: 'resting', nowMs, retryAtMs: nowMs + 1000 });
    }
  });

  it('is probed again by another when the first died with its lease', async () => {
    await setAside(requestFor(single));
    nowMs += 15_000;
    const dead = await rotation.pick(requestFor(single, { leaseId: 'dead' }));
    nowMs += 59_999;
    expect(nobodyOf(await rotation.pick(requestFor(single))).retryAtMs).toBe(nowMs + 1);
    nowMs += 1;
    const second = await rotation.pick(requestFor(single, { leaseId: 'second' }));
    expect(hostOf(second).mode).toBe('probe');
    expect(await tell(dead, 'ok', { leaseId: 'dead' })).toEqual({ kind: 'stale' });
    expect(await tell(second, 'ok', { leaseId: 'second' })).toMatchObject({
      from: 'probing',
      to: 'recovering',
    });
  });

  it('is not probed by a message that failed there while others could', async () => {
    await setAside(requestFor(single));
    const shy = new Set(['a:25']);
    expect(nobodyOf(await rotation.pick(requestFor(single, { shy }))).retryAtMs).toBe(nowMs + 15_000);
    nowMs += 15_000;
    expect(nobodyOf(await rotation.pick(requestFor(single, { shy }))).retryAtMs).toBe(nowMs + 5000);
    nowMs += 5000;
    expect(hostOf(await rotation.pick(requestFor(single, { shy }))).mode).toBe('probe');
  });

  it('is not forgotten while its probe is under way', async () => {
    await setAside(requestFor(single));
    nowMs += 15_000;
    await redis.client().pexpire('host:{mw:h}:a:25', 60_000);
    await rotation.pick(requestFor(single));
    expect(await redis.client().pttl('host:{mw:h}:a:25')).toBeGreaterThan(3_600_000);
  });

  it('does not cost a turn by its probe, and rests twice as long when that fails', async () => {
    await setAside(requestFor(pair));
    nowMs += 15_000;
    const probe = await rotation.pick(requestFor(pair));
    expect(hostOf(probe)).toMatchObject({ mode: 'probe', host: { key: 'a:25' } });
    expect(await tell(probe, 'soft')).toEqual({
      kind: 'applied',
      from: 'probing',
      to: 'unhealthy',
      untilMs: nowMs + 30_000,
    });
  });
});

describe('while no host at all is up', () => {
  it('is asked sooner than its rest says, but not more often than once an alone rest', async () => {
    const long = createRotation(
      optionsWith(redis.client(), {
        clock: () => nowMs,
        health: { firstRestSeconds: 300 },
        waiterSpreadMs: 0,
      }),
    );
    for (let at = 0; at < 2; at += 1) await setAside(requestFor(pair));
    await redis.client().hset('host:{mw:h}:a:25', 'until', nowMs + 300_000);
    await redis.client().hset('host:{mw:h}:b:25', 'until', nowMs + 300_000);
    expect(nobodyOf(await long.pick(requestFor(pair))).retryAtMs).toBe(nowMs + 30_000);
    nowMs += 30_000;
    const modes = await Promise.all(
      [1, 2, 3, 4].map((at) => long.pick(requestFor(pair, { leaseId: `l${at}` }))),
    );
    expect(modes.filter((pick) => pick.kind === 'host').length).toBe(2); // one lease a host
  });

  it('probes in written order, whomever the message would rather ask', async () => {
    for (let at = 0; at < 2; at += 1) await setAside(requestFor(pair));
    for (const key of ['a:25', 'b:25'])
      await redis.client().hset(`host:{mw:h}:${key}`, 'until', nowMs + 300_000);
    nowMs += 30_000;
    const pick = await rotation.pick(requestFor(pair, { prefer: 'b:25' }));
    expect(hostOf(pick)).toMatchObject({ mode: 'probe', host: { key: 'a:25' } });
  });

  it('keeps to the rest while another host is up', async () => {
    await setAside(requestFor(single));
    await redis.client().hset('host:{mw:h}:a:25', 'until', nowMs + 300_000);
    nowMs += 60_000;
    const tiers = [...single, tierOf('second:0', 'b')];
    expect(hostOf(await rotation.pick(requestFor(tiers)))).toMatchObject({ host: { key: 'b:25' }, tier: 1 });
  });

  it('says when to look again also after every host was tried in this attempt', async () => {
    const tried = new Set<string>();
    for (let at = 0; at < 2; at += 1) {
      const pick = await rotation.pick(requestFor(pair, { tried }));
      tried.add(hostOf(pick).host.key);
      await tell(pick, 'fail');
    }
    expect(await rotation.pick(requestFor(pair, { tried }))).toEqual({
      kind: 'none',
      cause: 'resting',
      nowMs,
      retryAtMs: nowMs + 15_000,
    });
  });
});

describe('a host that comes back', () => {
  it('gets traffic along the ramp, doubling with successes, then its full share', async () => {
    await setAside(requestFor(single));
    nowMs += 15_000;
    await tell(await rotation.pick(requestFor(single)), 'ok');
    const perSecond: number[] = [];
    for (let second = 0; second < 14; second += 1) {
      perSecond[second] = 0;
      for (let step = 0; step < 1000; step += 1) {
        nowMs += 1;
        const pick = await rotation.pick(requestFor(single));
        if (pick.kind === 'none') {
          expect(pick.cause).toBe('ramp');
          const waitMs = pick.retryAtMs - 1 - nowMs;
          step += waitMs;
          nowMs += waitMs;
          continue;
        }
        if (pick.mode === 'go') break;
        expect(pick.mode).toBe('ramp');
        perSecond[second] = (perSecond[second] ?? 0) + 1;
        await tell(pick, 'ok');
      }
    }
    const ramped = perSecond.filter((count) => count > 0);
    expect(ramped[0]).toBeLessThanOrEqual(7);
    for (let at = 1; at < ramped.length; at += 1) {
      expect(ramped[at]).toBeLessThanOrEqual(2.5 * (ramped[at - 1] ?? 0) + 2);
    }
    expect(ramped.reduce((sum, count) => sum + count, 0)).toBe(5 + 10 + 20 + 40 + 80 + 160);
    expect(hostOf(await rotation.pick(requestFor(single))).mode).toBe('go');
  });

  it('leaves what the ramp does not take to the others', async () => {
    await setAside(requestFor(pair));
    nowMs += 15_000;
    await tell(await rotation.pick(requestFor(pair)), 'ok');
    const picked: string[] = [];
    for (let at = 0; at < 100; at += 1) {
      nowMs += 10;
      picked.push(hostOf(await rotation.pick(requestFor(pair))).host.key);
    }
    expect(picked.filter((key) => key === 'a:25').length).toBeLessThanOrEqual(7);
  });
});

describe('what is reported', () => {
  it('raises the rest once, however many failures were in flight', async () => {
    const picks = await Promise.all(Array.from({ length: 80 }, () => rotation.pick(requestFor(single))));
    const results = await Promise.all(picks.map((pick, at) => tell(pick, 'fail', { messageId: `m${at}` })));
    expect(results.filter((one) => one.kind === 'applied')).toEqual([
      { kind: 'applied', from: 'healthy', to: 'unhealthy', untilMs: nowMs + 15_000 },
    ]);
  });

  it('makes a host suspect, then sets it aside for a second message only', async () => {
    for (let times = 0; times < 10; times += 1) {
      expect(await tell(await rotation.pick(requestFor(single)), 'soft')).toMatchObject({ to: 'healthy' });
    }
    const suspect = await rotation.pick(requestFor(single));
    expect(hostOf(suspect).mode).toBe('suspect');
    expect(await tell(suspect, 'soft', { messageId: 'm2' })).toMatchObject({ to: 'unhealthy' });
  });

  it('forgets the suspicion with an acceptance', async () => {
    await tell(await rotation.pick(requestFor(single)), 'soft');
    await tell(await rotation.pick(requestFor(single)), 'ok');
    const pick = await rotation.pick(requestFor(single));
    expect(hostOf(pick).mode).toBe('go');
    expect(await tell(pick, 'soft', { messageId: 'm2' })).toMatchObject({ to: 'healthy' });
  });
});

describe('whom a message would rather ask', () => {
  it('is asked if it may be, in whichever tier, and the others catch up', async () => {
    const tiers = [tierOf('t:0', 'a', 'b'), tierOf('t:1', 'c', 'd')];
    expect(hostOf(await rotation.pick(requestFor(tiers, { prefer: 'd:25' })))).toMatchObject({
      tier: 1,
      host: { key: 'd:25' },
    });
    expect(hostOf(await rotation.pick(requestFor(tiers, { prefer: 'nowhere:25' }))).host.key).toBe('a:25');
    expect(
      hostOf(await rotation.pick(requestFor(tiers, { prefer: 'b:25', tried: new Set(['b:25']) }))).host.key,
    ).toBe('a:25');
  });

  it('is not asked while it rests', async () => {
    await setAside(requestFor(pair));
    expect(hostOf(await rotation.pick(requestFor(pair, { prefer: 'a:25' }))).host.key).toBe('b:25');
  });
});

it('a drained host is left out, and alone it is named as the reason', async () => {
  await redis.client().hset('host:{mw:h}:a:25', 'st', 'D');
  expect(hostOf(await rotation.pick(requestFor(pair))).host.key).toBe('b:25');
  expect(nobodyOf(await rotation.pick(requestFor(single))).cause).toBe('drained');
});

it('hosts that are up but were all asked are no reason to rest the destination', async () => {
  const tried = new Set(['a:25', 'b:25']);
  expect(await rotation.pick(requestFor(pair, { tried }))).toEqual({
    kind: 'none',
    cause: 'tried',
    nowMs,
    retryAtMs: nowMs,
  });
});
