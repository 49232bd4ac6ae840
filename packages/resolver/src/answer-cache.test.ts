import { createFakeClock } from '@mailwheel/testkit';
import { describe, expect, test } from 'vitest';
import { AnswerCache, type Loaded } from './answer-cache.ts';

const answer = (value: string, fields: Partial<Loaded<string>> = {}): Loaded<string> => ({
  value,
  freshMs: 1000,
  staleMs: 0,
  failed: false,
  ...fields,
});

function setUp(entriesMax = 10) {
  const clock = createFakeClock();
  const cache = new AnswerCache<string, string>(entriesMax, clock.now);
  let loads = 0;
  const get = (key: string, next: Loaded<string>) =>
    cache.get(key, () => {
      loads++;
      return Promise.resolve(next);
    });
  return { clock, cache, get, loads: () => loads };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('an answer', () => {
  test('is given while it is fresh, then asked for again', async () => {
    const { clock, cache, get, loads } = setUp();
    expect(await get('k', answer('one'))).toBe('one');
    clock.advance(999);
    expect(await get('k', answer('two'))).toBe('one');
    expect(cache.fresh('k')).toBe('one');
    clock.advance(1);
    expect(cache.fresh('k')).toBeUndefined();
    expect(await get('k', answer('two'))).toBe('two');
    expect(loads()).toBe(2);
  });

  test('is loaded once for all who ask at the same time', async () => {
    const { get, loads } = setUp();
    expect(
      await Promise.all([get('k', answer('one')), get('k', answer('two')), get('k', answer('three'))]),
    ).toEqual(['one', 'one', 'one']);
    expect(loads()).toBe(1);
  });

  test('that has run out is given while its renewal runs, once for all', async () => {
    const { clock, cache, get, loads } = setUp();
    await get('k', answer('one', { staleMs: 5000 }));
    clock.advance(1000);
    expect(await Promise.all([get('k', answer('two')), get('k', answer('three'))])).toEqual(['one', 'one']);
    await settled();
    expect(cache.fresh('k')).toBe('two');
    expect(loads()).toBe(2);
  });

  test('outlives failed renewals for its stale time and no longer', async () => {
    const { clock, get, loads } = setUp();
    const failed = answer('nothing', { failed: true, freshMs: 500 });
    await get('k', answer('one', { staleMs: 2000 }));
    clock.advance(1000);
    expect(await get('k', failed)).toBe('one');
    await settled();
    expect(loads()).toBe(2);
    // The failure is not repeated at every question.
    expect(await get('k', failed)).toBe('one');
    await settled();
    expect(loads()).toBe(2);
    clock.advance(500);
    expect(await get('k', failed)).toBe('one');
    await settled();
    expect(loads()).toBe(3);
    clock.advance(1500);
    expect(await get('k', failed)).toBe('nothing');
  });

  test('that may not be kept is asked for every time', async () => {
    const { cache, get, loads } = setUp();
    await get('k', answer('one', { freshMs: 0 }));
    expect(await get('k', answer('two', { freshMs: 0 }))).toBe('two');
    expect(cache.size).toBe(0);
    expect(loads()).toBe(2);
  });
});

test('the answer renewed longest ago makes room', async () => {
  const { cache, get } = setUp(3);
  for (const key of ['a', 'b', 'c']) await get(key, answer(key));
  cache.keep('a', answer('a2'));
  await get('d', answer('d'));
  expect(['a', 'b', 'c', 'd'].map((key) => cache.fresh(key))).toEqual(['a2', undefined, 'c', 'd']);
  expect(cache.size).toBe(3);
});

test('a load that throws is a fault of its asker only, and does not stick', async () => {
  const { clock, cache, get } = setUp();
  const bug = () => Promise.reject(new Error('bug'));
  await expect(cache.get('k', bug)).rejects.toThrow('bug');
  expect(await get('k', answer('one', { staleMs: 5000 }))).toBe('one');
  clock.advance(1000);
  expect(await cache.get('k', bug)).toBe('one');
  await settled();
  expect(await get('k', answer('two'))).toBe('one');
});
