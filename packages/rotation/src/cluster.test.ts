/** The same on a Redis Cluster: every key of rotation lies in one slot, also those that a script makes itself. */
import type { MessageId } from '@mailwheel/envelope';
import { startRedis, waitFor, type TestRedis } from '@mailwheel/testkit';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRotation } from './create-rotation.ts';
import { hostNamed, hostOf, nobodyOf, optionsWith, requestFor, tierOf } from './fixture.ts';

const slots = 16_384;
let redis: TestRedis;
let cluster: Cluster;

beforeAll(async () => {
  redis = await startRedis({ arguments: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] });
  const node = redis.client();
  await node.call('CLUSTER', 'ADDSLOTS', ...Array.from({ length: slots }, (_, slot) => slot));
  await waitFor('a cluster of one', async () => (await node.cluster('INFO')).includes('cluster_state:ok'));
  cluster = new Cluster([{ host: '127.0.0.1', port: redis.port }]);
});
afterAll(async () => {
  cluster.disconnect();
  await redis.stop();
});

it('picks, reports, waits, releases and shows', async () => {
  let nowMs = 1_700_000_000_000;
  const rotation = createRotation(optionsWith(cluster, { clock: () => nowMs, initialConnections: 1 }));
  const tiers = [tierOf('t:0', 'a', 'b'), tierOf('t:1', 'c')];
  for (const name of ['a:25', 'b:25', 'c:25']) {
    const { host, epoch } = hostOf(
      await rotation.pick(requestFor(tiers, { successes: new Map([[name, 1]]) })),
    );
    expect(host.key).toBe(name);
    const messageId = 'm1' as MessageId;
    await rotation.report({ host, epoch, outcome: 'fail', leaseId: 'lease', messageId, reply: 'x' });
  }
  expect(nobodyOf(await rotation.pick(requestFor(tiers))).cause).toBe('resting');
  nowMs += 15_000;
  const { host, epoch, mode } = hostOf(await rotation.pick(requestFor(tiers)));
  expect(mode).toBe('probe');
  await rotation.report({
    host,
    epoch,
    outcome: 'ok',
    leaseId: 'lease',
    messageId: 'm1' as MessageId,
    reply: '',
  });
  expect(await rotation.releaseWaiters(5)).toEqual(['example.com']);
  expect(await rotation.openConnection(hostNamed('a'), 'c1')).toBe(true);
  await rotation.renewConnections([{ host: hostNamed('a'), connectionId: 'c1' }]);
  await rotation.closeConnection(hostNamed('a'), 'c1');
  expect((await rotation.hosts()).length).toBe(3);
  expect((await rotation.cursors()).length).toBe(1);
});
