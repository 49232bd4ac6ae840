/** A primary that hangs keeps its connections open: clients have to find the new one without being sent away by the old. */
import {
  startRedisCluster,
  startSentinel,
  waitFor,
  type TestRedisCluster,
  type TestSentinel,
} from '@mailwheel/testkit';
import { afterEach, expect, it } from 'vitest';
import { nodeOfKey } from './cluster-node.ts';
import { connectRedis, whenReady, type ConnectOptions, type RedisClient } from './connect.ts';

const open: { sentinel?: TestSentinel; cluster?: TestRedisCluster; client?: RedisClient } = {};
afterEach(async () => {
  open.client?.disconnect();
  await open.sentinel?.stop();
  await open.cluster?.stop();
  delete open.sentinel;
  delete open.cluster;
});

async function connect(place: Pick<ConnectOptions, 'sentinel' | 'cluster'>): Promise<RedisClient> {
  const client = connectRedis({ ...place, commandTimeoutMs: 1000 }, 'worker', () => undefined);
  open.client = client;
  await whenReady(client, 10_000);
  return client;
}

async function answers(client: RedisClient): Promise<boolean> {
  try {
    return (await client.get('{mw0}:kept')) === 'kept';
  } catch {
    return false;
  }
}

it('Sentinel: commands reach the new primary while the old one still hangs', async () => {
  const sentinel = await startSentinel();
  open.sentinel = sentinel;
  const client = await connect({ sentinel: { sentinels: sentinel.sentinels, name: sentinel.name } });
  await client.set('{mw0}:kept', 'kept');
  expect(await nodeOfKey(client, '{mw0}').wait(1, 5000)).toBe(1);
  (await sentinel.primary()).process.kill('SIGSTOP');
  expect(await answers(client)).toBe(false);
  await waitFor('the new primary to answer', () => answers(client), 15_000);
}, 30_000);

it('Cluster: commands reach the new primary while the old one still hangs', async () => {
  const cluster = await startRedisCluster();
  open.cluster = cluster;
  const client = await connect({ cluster: { nodes: cluster.nodes } });
  await client.set('{mw0}:kept', 'kept');
  expect(await nodeOfKey(client, '{mw0}').wait(1, 5000)).toBe(1);
  (await cluster.primaryOf('{mw0}')).process.kill('SIGSTOP');
  expect(await answers(client)).toBe(false);
  await waitFor('the new primary to answer', () => answers(client), 15_000);
}, 30_000);

it('Cluster: what was under way when a connection broke fails at once, and is not sent again', async () => {
  const cluster = await startRedisCluster();
  open.cluster = cluster;
  const client = await connect({ cluster: { nodes: cluster.nodes } });
  const server = (await cluster.primaryOf('{mw0}')).client();
  const under = client.blpop('{mw0}:list', 5).catch((error: unknown) => error);
  await waitFor('it to be under way', async () => /blocked_clients:1/.test(await server.info('clients')));
  const brokenAtMs = performance.now();
  await server.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  expect(String(await under)).toContain('Connection is closed');
  expect(performance.now() - brokenAtMs).toBeLessThan(800);
  await server.rpush('{mw0}:list', 'for nobody');
  expect(await server.llen('{mw0}:list')).toBe(1);
  await waitFor('the client to work again', async () =>
    client.llen('{mw0}:list').then(
      (length) => length === 1,
      () => false,
    ),
  );
}, 30_000);
