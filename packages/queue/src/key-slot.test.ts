import { startRedis, type TestRedis } from '@mailwheel/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { slotOf } from './key-slot.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ arguments: ['--cluster-enabled', 'yes'] });
});
afterAll(() => redis.stop());

it("is the server's own, whatever braces a key has", async () => {
  const shards = Array.from({ length: 40 }, (_, shard) => `{mw${shard}}:d.example:wait`);
  const odd = [
    '123456789',
    '{mw:t}',
    '{mw:h}',
    'host:{mw:h}:a',
    '{}x',
    'a{}b',
    'a{b',
    'a}b{',
    '{{a}}b',
    '{a}{b}',
    'ä{ö}',
    '',
  ];
  const keys = [...shards, ...odd];
  const client = redis.client();
  const theirs = await Promise.all(keys.map((key) => client.call('CLUSTER', 'KEYSLOT', key)));
  expect(keys.map(slotOf)).toEqual(theirs);
});
