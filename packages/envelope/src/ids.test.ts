import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMessageId, homeShard, jobId, parseJobId, parseMessageId } from './ids.ts';

const randomBytes = fc.uint8Array({ minLength: 17, maxLength: 32 });

describe('message id', () => {
  test('takes 130 bits, most significant first', () => {
    expect(createMessageId(new Uint8Array(17), 0)).toBe(`m00${'a'.repeat(26)}`);
    expect(createMessageId(new Uint8Array(17).fill(255), 1295)).toBe(`mzz${'7'.repeat(26)}`);
    const last = new Uint8Array(17);
    last[16] = 0b0100_0000;
    expect(createMessageId(last, 36)).toBe(`m10${'a'.repeat(25)}b`);
  });

  test('every bit of the first 130 makes another id', () => {
    const ids = new Set<string>();
    for (let bit = 0; bit < 130; bit++) {
      const bytes = new Uint8Array(17);
      bytes[bit >> 3] = 128 >> (bit & 7);
      ids.add(createMessageId(bytes, 0));
    }
    expect(ids.size).toBe(130);
  });

  test('gives its home shard and its job ids back', () => {
    fc.assert(
      fc.property(randomBytes, fc.nat(1295), fc.nat(9999), (bytes, shard, part) => {
        const id = createMessageId(bytes, shard);
        expect(parseMessageId(id)).toBe(id);
        expect(homeShard(id)).toBe(shard);
        const job = jobId(id, part);
        expect(job).not.toMatch(/^[0-9]+$|:/);
        expect(parseJobId(job)).toEqual({ messageId: id, part });
      }),
    );
  });

  test('too few bytes, a shard out of range and a part out of range are bugs of the caller', () => {
    const id = createMessageId(new Uint8Array(17), 0);
    expect(() => createMessageId(new Uint8Array(16), 0)).toThrow(RangeError);
    expect(() => createMessageId(new Uint8Array(17), 1296)).toThrow(RangeError);
    expect(() => createMessageId(new Uint8Array(17), 0.5)).toThrow(RangeError);
    expect(() => jobId(id, -1)).toThrow(RangeError);
  });

  test.each([
    '',
    '17',
    'm00',
    `m00${'a'.repeat(25)}`,
    `m00${'a'.repeat(27)}`,
    `M00${'a'.repeat(26)}`,
    `m00${'0'.repeat(26)}`,
    `m00${'a'.repeat(26)}\n`,
  ])('refuses %j', (text) => {
    expect(parseMessageId(text)).toBeUndefined();
    expect(parseJobId(`${text}-0`)).toBeUndefined();
  });

  test.each(['', '-', '-01', '--1', '-1:2', '-10000'])('refuses a job id that ends in %j', (end) => {
    expect(parseJobId(`m00${'a'.repeat(26)}${end}`)).toBeUndefined();
  });
});
