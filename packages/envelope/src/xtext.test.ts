import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeXtext, encodeXtext } from './xtext.ts';

describe('xtext', () => {
  test('encodes what RFC 3461 says', () => {
    expect(encodeXtext('a+b=c d')).toBe('a+2Bb+3Dc+20d');
    expect(encodeXtext('ü')).toBe('+C3+BC');
    expect(decodeXtext('a+2Bb+3Dc+20d')).toBe('a+b=c d');
  });

  test.each(['a+', 'a+2', 'a+2b', 'a+GG', 'a=b', 'a b', 'ü', 'a\nb', '+FF', '+C3'])('refuses %j', (text) => {
    expect(decodeXtext(text)).toBeUndefined();
  });

  test('what was encoded decodes to itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const encoded = encodeXtext(text);
        expect(encoded).toMatch(/^[!-~]*$/);
        expect(decodeXtext(encoded)).toBe(text);
      }),
    );
  });

  test('what decodes is the same after another round', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('+0123ABCDEFaf=x ')) }), (text) => {
        const decoded = decodeXtext(text);
        if (decoded !== undefined) expect(decodeXtext(encodeXtext(decoded))).toBe(decoded);
      }),
    );
  });
});
