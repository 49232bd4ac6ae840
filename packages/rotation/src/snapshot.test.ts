import type { MessageId } from '@mailwheel/envelope';
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRotation } from './create-rotation.ts';
import { hostNamed, hostOf, optionsWith, requestFor, tierOf } from './fixture.ts';
import type { Rotation } from './types.ts';

let redis: TestRedis;
let rotation: Rotation;
let nowMs = 1_700_000_000_000;

beforeAll(async () => {
  redis = await startRedis();
  const options = { clock: () => nowMs, knownHostsMax: 3, knownCursorsMax: 2 };
  rotation = createRotation(optionsWith(redis.client(), options));
});
afterAll(() => redis.stop());

it('shows nothing before anything happened', async () => {
  expect(await rotation.hosts()).toEqual([]);
  expect(await rotation.cursors()).toEqual([]);
});

it('shows hosts with their state, reason and connections, and the turns of each cursor', async () => {
  const tiers = [tierOf('example.com:0', 'a', 'b')];
  const pick = hostOf(await rotation.pick(requestFor(tiers)));
  await rotation.openConnection(pick.host, 'c1');
  const report = { leaseId: 'lease', messageId: 'm1' as MessageId, reply: '452 4.3.1 full' };
  await rotation.report({ host: pick.host, epoch: pick.epoch, outcome: 'fail', ...report });
  for (let at = 0; at < 3; at += 1) await rotation.pick(requestFor(tiers));
  expect(await rotation.hosts()).toEqual([
    {
      key: 'a:25',
      label: 'a:25',
      state: 'unhealthy',
      epoch: 1,
      sinceMs: nowMs,
      untilMs: nowMs + 15_000,
      restMs: 15_000,
      lastReply: '452 4.3.1 full',
      connections: 1,
      connectionsMax: 5,
    },
  ]);
  expect(await rotation.cursors()).toEqual([
    {
      tierKey: 'example.com:0',
      turns: new Map([
        ['a:25', 1],
        ['b:25', 3],
      ]),
    },
  ]);
  nowMs += 15_000;
  await rotation.pick(requestFor(tiers));
  expect(await rotation.hosts()).toMatchObject([{ state: 'probing', untilMs: nowMs + 60_000 }]);
});

it('labels a host without the digest of its policy, and remembers those seen last', async () => {
  for (const name of ['p', 'q', 'r', 's']) {
    nowMs += 1;
    await rotation.openConnection({ ...hostNamed(name), key: `${name}:25|abc` }, 'c');
    await rotation.pick(requestFor([tierOf(`${name}:0`, name, 'other')]));
  }
  expect((await rotation.hosts()).map((host) => host.label)).toEqual(['s:25', 'r:25', 'q:25']);
  nowMs += 1;
  const told = {
    epoch: 0,
    outcome: 'fail',
    leaseId: 'lease',
    messageId: 'm1' as MessageId,
    reply: '',
  } as const;
  await rotation.report({ ...told, host: hostNamed('t') });
  expect((await rotation.hosts()).map((host) => host.label)).toEqual(['t:25', 's:25', 'r:25']);
  expect((await rotation.cursors()).map((cursor) => cursor.tierKey)).toEqual(['s:0', 'r:0']);
});
