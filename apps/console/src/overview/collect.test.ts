import { expect, it } from 'vitest';
import { sharedReader } from './collect.ts';

it('one reading serves everybody who looks meanwhile, and longer when it took long', async () => {
  let nowMs = 0;
  let readings = 0;
  let tookMs = 10;
  const reader = sharedReader(
    async () => {
      nowMs += tookMs;
      return ++readings;
    },
    { keepMs: 1000, monotonicMs: () => nowMs },
  );
  expect(await Promise.all([reader.read(), reader.read()])).toEqual([1, 1]);
  nowMs = 1009;
  expect(await reader.read()).toBe(1);
  nowMs = 1010;
  tookMs = 500;
  expect(await reader.read()).toBe(2);
  nowMs = 1510 + 9999;
  expect(await reader.read()).toBe(2);
  nowMs = 1510 + 10_000;
  expect(await reader.read()).toBe(3);
});

it('a reading that failed is not kept', async () => {
  let fails = true;
  const reader = sharedReader(
    async () => {
      if (fails) throw new Error('Redis is away');
      return 'back';
    },
    { keepMs: 1000, monotonicMs: () => 0 },
  );
  await expect(reader.read()).rejects.toThrow('Redis is away');
  fails = false;
  expect(await reader.read()).toBe('back');
});
