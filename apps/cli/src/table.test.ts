import { expect, test } from 'vitest';
import { duration, instant, table } from './table.ts';

test('numbers stand to the right, texts to the left, without trailing blanks', () => {
  expect(
    table(
      ['name', 'count'],
      [
        ['a', '5'],
        ['longer', '12'],
      ],
    ),
  ).toBe(['name    count', 'a           5', 'longer     12'].join('\n'));
});

test('durations are told in their largest unit', () => {
  expect([0, 59_999, 60_000, 7_199_000, 90_000_000, -5].map(duration)).toEqual([
    '0 s',
    '59 s',
    '1 min',
    '1 h',
    '1 d',
    '0 s',
  ]);
});

test('instants are UTC', () => {
  expect(instant(Date.UTC(2026, 10, 24, 16, 45, 20, 999))).toBe('2026-11-24 16:45:20 UTC');
});
