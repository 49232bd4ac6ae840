/** On a Redis that is full, delivery must go on, or it would never drain: every script still finishes. */
import type { MessageId } from '@mailwheel/envelope';
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRotation } from './create-rotation.ts';
import { hostNamed, hostOf, nobodyOf, optionsWith, requestFor, tierOf } from './fixture.ts';
import type { HostOutcome, Pick, Rotation } from './types.ts';

let redis: TestRedis;
let client: Redis;
let rotation: Rotation;
let nowMs = 1_700_000_000_000;
const pair = [tierOf('pair:0', 'a', 'b')];

beforeAll(async () => {
  redis = await startRedis({ arguments: ['--maxmemory', '4mb'] });
  client = redis.client();
  rotation = createRotation(
    optionsWith(client, { clock: () => nowMs, initialConnections: 1, successPaceMs: 0 }),
  );
});
afterAll(() => redis.stop());

async function tell(pick: Pick, outcome: HostOutcome): Promise<string> {
  const { host, epoch } = hostOf(pick);
  const leaseId = 'lease';
  const result = await rotation.report({
    host,
    epoch,
    outcome,
    leaseId,
    messageId: 'm1' as MessageId,
    reply: 'x',
  });
  return result.kind === 'stale' ? 'stale' : `${result.from} -> ${result.to}`;
}

it('picks, reports, opens, closes, renews and releases while every plain write is refused', async () => {
  let refused: unknown;
  for (let at = 0; refused === undefined && at < 10_000; at += 1) {
    await client.set(`filler${at}`, 'x'.repeat(4000)).catch((error: unknown) => {
      refused = error;
    });
  }
  expect(String(refused)).toContain('OOM');

  const successes = new Map([['a:25', 3]]);
  for (const name of ['a:25', 'b:25']) {
    const pick = await rotation.pick(requestFor(pair, { successes }));
    expect(hostOf(pick).host.key).toBe(name);
    expect(await tell(pick, 'soft')).toBe('healthy -> healthy');
    expect(await tell(pick, 'fail')).toBe('healthy -> unhealthy');
  }
  expect(nobodyOf(await rotation.pick(requestFor(pair))).cause).toBe('resting');
  const host = hostNamed('c');
  expect(await rotation.openConnection(host, 'c1')).toBe(true);
  expect(await rotation.openConnection(host, 'c2')).toBe(false);
  await rotation.renewConnections([{ host, connectionId: 'c1' }]);
  await rotation.closeConnection(host, 'c1');
  nowMs += 15_000;
  const probe = await rotation.pick(requestFor(pair));
  expect(hostOf(probe).mode).toBe('probe');
  expect(await tell(probe, 'ok')).toBe('probing -> recovering');
  expect(await rotation.releaseWaiters(10)).toEqual(['example.com']);
  await expect(client.set('one more', 'x')).rejects.toThrow('OOM');
});
