import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shardOf, splitIntoJobs } from './jobs.ts';
import type { DestinationKey } from './types.ts';

const key = (text: string) => text as DestinationKey;
const recipients = (...destinations: string[]) =>
  destinations.map((destination, index) => ({ index, destination: key(destination) }));

describe('splitIntoJobs', () => {
  test('groups by destination in first-seen order', () => {
    expect(splitIntoJobs(recipients('b', 'a', 'b', 'c', 'a'))).toEqual([
      { part: 0, destination: 'b', indices: [0, 2] },
      { part: 1, destination: 'a', indices: [1, 4] },
      { part: 2, destination: 'c', indices: [3] },
    ]);
  });

  test('splits above 100 recipients of one destination', () => {
    const parts = splitIntoJobs(recipients(...Array<string>(250).fill('a'), 'b'));
    expect(parts.map((part) => [part.part, part.destination, part.indices.length])).toEqual([
      [0, 'a', 100],
      [1, 'a', 100],
      [2, 'a', 50],
      [3, 'b', 1],
    ]);
  });

  test('every recipient is in exactly one part of its destination, none above the limit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 60 }),
        fc.integer({ min: 1, max: 7 }),
        (destinations, recipientsPerJobMax) => {
          const all = recipients(...destinations);
          const parts = splitIntoJobs(all, { recipientsPerJobMax });
          expect(parts.map(({ part }) => part)).toEqual([...parts.keys()]);
          expect(
            parts.every(({ indices }) => indices.length >= 1 && indices.length <= recipientsPerJobMax),
          ).toBe(true);
          const back = parts.flatMap(({ destination, indices }) =>
            indices.map((index) => ({ index, destination })),
          );
          expect(back.toSorted((one, other) => one.index - other.index)).toEqual(all);
        },
      ),
    );
  });

  test('a limit below one is a bug of the caller', () => {
    expect(() => splitIntoJobs([], { recipientsPerJobMax: 0 })).toThrow(RangeError);
  });
});

describe('shardOf', () => {
  test('is FNV-1a 32 modulo the shards', () => {
    // Reference values of the FNV authors' test suite.
    expect(shardOf(key(''), 2 ** 32)).toBe(0x811c9dc5);
    expect(shardOf(key('a'), 2 ** 32)).toBe(0xe40c292c);
    expect(shardOf(key('foobar'), 2 ** 32)).toBe(0xbf9cf968);
    expect(shardOf(key('foobar'), 7)).toBe(0xbf9cf968 % 7);
    expect(shardOf(key('example.com'), 1)).toBe(0);
  });

  test('no shards is a bug of the caller', () => {
    expect(() => shardOf(key('a'), 0)).toThrow(RangeError);
  });
});
