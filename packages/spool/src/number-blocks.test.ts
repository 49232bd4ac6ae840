import { startRedis, type TestRedis } from '@mailwheel/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createNumberBlocks } from './number-blocks.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

it('gives each number once over several processes, also when thousands ask at once', async () => {
  const allocators = [1, 2, 3].map(() =>
    createNumberBlocks({ client: redis.client(), series: 'mid', blockSize: 10 }),
  );
  const numbers = await Promise.all(
    Array.from({ length: 3000 }, (_, n) => allocators[n % 3]?.next() ?? Promise.reject(new Error('none'))),
  );
  expect(new Set(numbers).size).toBe(3000);
  expect(Math.min(...numbers)).toBe(1);
  expect(Math.max(...numbers)).toBeLessThanOrEqual(3060);
});

it('asks Redis once a block, ahead of need', async () => {
  const client = redis.client();
  const numbers = createNumberBlocks({ client, series: 'dcid' });
  for (let n = 1; n <= 1400; n++) expect(await numbers.next()).toBe(n);
  expect(await client.get('{mw:t}:dcid')).toBe('2000');
});
