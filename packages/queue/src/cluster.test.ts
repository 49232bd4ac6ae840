/** One server in cluster mode that has all slots: every command must keep to keys of one slot, as with many. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedis, waitFor, type TestRedis } from '@mailwheel/testkit';
import { add, destination, newJob } from '../test/fixture.ts';
import { checkServer } from './check-server.ts';
import { connectRedis, whenReady, type RedisClient } from './connect.ts';
import { createDestinationQueues } from './create-destination-queues.ts';
import type { DestinationQueues } from './types.ts';

const shards = 8;
const errors: unknown[] = [];
let redis: TestRedis;
let client: RedisClient;
let queues: DestinationQueues;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  redis = await startRedis({ arguments: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] });
  const node = redis.client();
  const slots = Array.from({ length: 16_384 }, (_, slot) => slot);
  await node.cluster('ADDSLOTS', ...slots);
  await waitFor('the cluster to be up', async () =>
    String(await node.cluster('INFO')).includes('cluster_state:ok'),
  );
  const place = { cluster: { nodes: [{ host: '127.0.0.1', port: redis.port }] } };
  client = connectRedis(place, 'worker', (error) => errors.push(error));
  const blockingClient = connectRedis(place, 'blocking', (error) => errors.push(error));
  closers.push(
    () => client.disconnect(),
    () => blockingClient.disconnect(),
  );
  await Promise.all([whenReady(client, 5_000), whenReady(blockingClient, 5_000)]);
  queues = await createDestinationQueues({
    client,
    blockingClient,
    shards,
    workerName: 'worker',
    onError: (error) => errors.push(error),
  });
  closers.unshift(() => queues.close());
});
afterAll(async () => {
  for (const close of closers) await close();
  await redis.stop();
});

it('serves destinations of every shard of a Redis Cluster, and leaves no key', async () => {
  expect(await checkServer(client, { shards })).toMatchObject({ kind: 'fit' });
  const jobs = Array.from({ length: 30 }, (_, at) => newJob(`d${at % 10}.example`));
  await add(queues, jobs, shards);
  expect(await queues.totals()).toMatchObject({ destinations: 10, waiting: 30 });
  await queues.pause(destination('d0.example'));
  await queues.resume(destination('d0.example'));
  const done = new Set<string>();
  for (let shard = 0; shard < shards; shard++) {
    let cursor = '0';
    do cursor = (await queues.sweep(shard, cursor)).cursor;
    while (cursor !== '0');
    for (;;) {
      const [due] = (await queues.claim(shard, 1)).destinations;
      if (due === undefined) break;
      const first = await queues.take(due);
      if (first.kind === 'job') {
        const { job } = first;
        const parked = { delayMs: 60_000, data: job.data, reason: '451', countAttempt: true, parked: true };
        await queues.defer(job, parked, false);
        expect(await queues.promoteParked(due, 10)).toEqual({ promoted: 1, left: 0 });
      }
      let taken = await queues.take(due);
      while (taken.kind === 'job') {
        done.add(taken.job.id);
        const next = await queues.complete(taken.job, true);
        if (next.kind === 'refused') throw new Error('refused');
        taken = next;
      }
      await queues.settle(due, { took: true });
    }
  }
  expect(done.size).toBe(30);
  expect(await client.keys('*')).toEqual(['{mw:t}:shards']);
});

it('wakes a worker that waits for hints of another shard', async () => {
  const jobs = Array.from({ length: 40 }, (_, at) => newJob(`e${at}.example`));
  // The first wait opens the connection of its shard.
  await Promise.all(Array.from({ length: shards }, (_, shard) => queues.awaitHint(shard, 200)));
  const started = performance.now();
  const woken = Promise.all(Array.from({ length: shards }, (_, shard) => queues.awaitHint(shard, 5_000)));
  await add(queues, jobs, shards);
  await woken;
  expect(performance.now() - started).toBeLessThan(2_000);
  expect(errors).toEqual([]);
});
