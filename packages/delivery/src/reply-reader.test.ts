import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { replyBytesMax } from './options.ts';
import { ReplyReader } from './reply-reader.ts';

function read(...chunks: readonly (string | Buffer)[]): string[] {
  const reader = new ReplyReader();
  const replies: string[] = [];
  for (const chunk of chunks) reader.feed(Buffer.from(chunk), (reply) => replies.push(reply) > 0);
  return replies;
}

describe('replies', () => {
  test.each([
    ['several in one chunk', '250 a\r\n250-b\r\n250 c\r\n354\r\n', ['250 a', '250-b\n250 c', '354']],
    ['bare LF ends a line', '250 a\n', ['250 a']],
    ['blank lines between them', '\r\n250 a\r\n\r\n250 b\r\n', ['250 a', '250 b']],
    ['a line without a code continues the text', '550-a\r\nb\r\n\r\n550 c\r\n', ['550-a\nb\n\n550 c']],
    ['a line without a code on its own', 'hello\r\n250 a\r\n', ['hello', '250 a']],
    ['two digits are no code', '25 a\r\n', ['25 a']],
    ['UTF-8', '250 grün\r\n', ['250 grün']],
    ['not ended', '250 a', []],
  ])('%s', (_what, text, replies) => {
    expect(read(text)).toEqual(replies);
  });

  test('come out the same whatever chunks they come in', () => {
    const line = fc.constantFrom('250 ok', '250-more', '550 5.1.1 nö', '354', '', 'garbage', '2', '250-');
    const cuts = fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(fc.array(line), cuts, (lines, sizes) => {
        const bytes = Buffer.from(lines.map((one) => `${one}\r\n`).join(''));
        const chunks: Buffer[] = [];
        let at = 0;
        for (let turn = 0; at < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length]! + 1;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(read(...chunks)).toEqual(read(bytes));
      }),
    );
  });

  test('stop when the taker has enough', () => {
    const replies: string[] = [];
    new ReplyReader().feed(Buffer.from('250 a\r\n250 b\r\n'), (reply) => {
      replies.push(reply);
      return false;
    });
    expect(replies).toEqual(['250 a']);
  });
});

describe('a host that does not end', () => {
  test.each([
    ['its line', 'x'.repeat(1000)],
    ['its reply', '250-x\r\n'],
    ['its blank lines', '\r\n'],
  ])('%s is found out before it fills memory', (_what, piece) => {
    const reader = new ReplyReader();
    let bytes = 0;
    while (reader.feed(Buffer.from(piece), () => true)) {
      bytes += piece.length;
      if (bytes > replyBytesMax) break;
    }
    expect(bytes).toBeLessThanOrEqual(replyBytesMax);
    expect(bytes).toBeGreaterThan(replyBytesMax - 2000);
  });

  test('a finished reply begins a new count', () => {
    const reader = new ReplyReader();
    const chunk = Buffer.from('250 a\r\n'.repeat(1000));
    for (let round = 0; round < 100; round += 1) expect(reader.feed(chunk, () => true)).toBe(true);
  });

  test('what it left unfinished counts only if it is a refusal', () => {
    const left = (text: string): string | undefined => {
      const reader = new ReplyReader();
      reader.feed(Buffer.from(text), () => true);
      return reader.unfinishedRefusal();
    };
    expect(left('421 bye')).toBe('421 bye');
    expect(left('550-one\r\n550 two')).toBe('550-one\n550 two');
    expect(left('250 ok')).toBeUndefined();
    expect(left('55')).toBeUndefined();
    expect(left('421 bye\r\n')).toBeUndefined();
  });
});
