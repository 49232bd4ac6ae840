import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { printable, shorten } from './printable.ts';

const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom('a', '\n', '\u202e', '😀', '\ud83d', '\ude00', '\x1b', '\u{e0001}'),
    maxLength: 30,
  }),
);

describe('printable', () => {
  test('escapes what moves the cursor, breaks the line or turns the text round', () => {
    expect(printable('250 ok\r\n\tx\x1b[31m\x00\x7f\x9b', 99)).toBe(
      '250 ok\\r\\n\\tx\\x1b[31m\\x00\\x7f\\x9b',
    );
    expect(printable('a\u202eb\u2028c\u200bd\ufeffe\u{e0001}f', 99)).toBe(
      'a\\u202eb\\u2028c\\u200bd\\ufeffe\\u{e0001}f',
    );
    expect(printable('\ud800x', 99)).toBe('\\ud800x');
  });

  test('leaves ordinary text alone', () => {
    expect(printable('452 4.3.1 Grüße \\ 日本 😀', 99)).toBe('452 4.3.1 Grüße \\ 日本 😀');
  });

  test('cuts between characters and between escapes', () => {
    expect(printable('abcdefghij', 8)).toBe('abcde...');
    expect(printable('abc\n\n\n\n', 8)).toBe('abc\\n...');
    expect(printable('abcd\x1b\x1b\x1b', 8)).toBe('abcd...');
    expect(printable('abcd😀😀😀', 8)).toBe('abcd...');
    expect(printable('😀😀😀', 5)).toBe('😀...');
    expect(printable('abcdef', 2)).toBe('..');
  });

  test('is within its limit, well formed, free of controls, and idempotent', () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 0, max: 40 }), (text, max) => {
        const shown = printable(text, max);
        expect(shown.length).toBeLessThanOrEqual(max);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(printable(shown, max)).toBe(shown);
      }),
      { numRuns: 3000 },
    );
  });

  test('looks at no more of a huge text than it shows', () => {
    const huge = '\n'.repeat(5_000_000);
    printable(huge, 200);
    const started = performance.now();
    for (let round = 0; round < 1000; round++) printable(huge, 200);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('shorten', () => {
  test('keeps what fits and cuts the rest without halving a character', () => {
    expect(shorten('abc', 3)).toBe('abc');
    expect(shorten('abcdef', 5)).toBe('ab...');
    expect(shorten('a😀bcd', 5)).toBe('a...');
    expect(shorten('abc', 0)).toBe('');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, max) => {
        const short = shorten(text, max);
        expect(short.length).toBeLessThanOrEqual(max);
        expect(short.isWellFormed()).toBe(true);
        expect(shorten(short, max)).toBe(short);
      }),
    );
  });
});
