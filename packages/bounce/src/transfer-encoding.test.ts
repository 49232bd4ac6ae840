import { expect, it } from 'vitest';
import { contentTraits, quotedPrintable } from './transfer-encoding.ts';

function decode(encoded: string): Buffer {
  const joined = encoded.replaceAll('=\r\n', '');
  const octets = joined.replace(/=([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(octets, 'latin1');
}

it('quoted-printable brings back what went in, in lines of at most 76', () => {
  let seed = 42;
  for (let round = 0; round < 200; round++) {
    const content = Buffer.alloc(round * 3).map(() => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      const pick = (seed >> 8) % 10;
      return pick < 4
        ? 32 + ((seed >> 12) % 95)
        : pick < 5
          ? 32
          : pick < 6
            ? 13
            : pick < 7
              ? 10
              : (seed >> 12) % 256;
    });
    const encoded = quotedPrintable(content);
    expect(decode(encoded).equals(content), `round ${round}`).toBe(true);
    expect(Math.max(...encoded.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(76);
    expect(encoded).not.toMatch(/ \r\n| $/);
  }
});

it.each([
  ['', false, false],
  ['a\r\nb', false, false],
  ['x'.repeat(998), false, false],
  ['x'.repeat(999), false, true],
  ['\n', false, true],
  ['a\rb', false, true],
  ['a\r', false, true],
  ['\0', false, true],
  ['ü\r\n', true, false],
])('%j', (content, eightBit, unfitLines) => {
  expect(contentTraits(Buffer.from(content))).toEqual({ eightBit, unfitLines });
});
