import { startRedis, type TestRedis } from '@mailwheel/testkit';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectRedis, whenReady } from './connect.ts';
import { leanMulti } from './lean-multi.ts';

let redis: TestRedis;
let client: Redis;

beforeAll(async () => {
  redis = await startRedis();
  client = connectRedis({ url: redis.url }, 'producer', () => undefined) as Redis;
  await whenReady(client, 5000);
  client.defineCommand('mwIndexJob', { numberOfKeys: 1, lua: "return redis.call('INCR', KEYS[1])" });
  client.defineCommand('mwOther', { numberOfKeys: 1, lua: "return redis.call('GET', KEYS[1])" });
});

afterAll(async () => {
  client.disconnect();
  await redis.stop();
});

type WithScripts = ReturnType<typeof leanMulti> & {
  readonly mwIndexJob: (key: string) => unknown;
  readonly mwOther: unknown;
};

test('a lean MULTI runs plain commands and the scripts that add jobs, and knows no other', async () => {
  const multi = leanMulti(client) as WithScripts;
  multi.set('text', 'v');
  multi.mwIndexJob('count');
  expect(multi.mwOther).toBeUndefined();
  expect(await multi.exec()).toEqual([
    [null, 'OK'],
    [null, 1],
  ]);
});

test('it follows its client to a new connection', async () => {
  const lost = client.stream;
  lost.destroy();
  await whenReady(client, 5000);
  while (client.stream === lost) await new Promise((resolve) => setTimeout(resolve, 5));
  await whenReady(client, 5000);
  const multi = leanMulti(client) as WithScripts;
  multi.mwIndexJob('count');
  expect(await multi.exec()).toEqual([[null, 2]]);
});

test('it fails at once when there is no connection', async () => {
  const lone = connectRedis({ url: 'redis://127.0.0.1:1' }, 'producer', () => undefined) as Redis;
  await expect(leanMulti(lone).set('text', 'v').exec()).rejects.toThrow();
  lone.disconnect();
});
