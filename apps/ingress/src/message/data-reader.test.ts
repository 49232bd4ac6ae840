/**
 * The end of data and the stuffed dots, against a model that looks at the whole input at once: whatever way the octets are
 * cut into chunks, the same message comes out and the same octets are left for the next command.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockBytes, BodyBuffer } from './body-buffer.ts';
import { DataReader } from './data-reader.ts';
import { headerScanBytesMax } from './header-scan.ts';

const bytesMax = 1_000_000;

interface Read {
  readonly content: string;
  /** What came after the terminator; undefined: there was none. */
  readonly rest: string | undefined;
  readonly bareNewline: boolean;
  readonly nulOctet: boolean;
}

function read(chunks: readonly string[], normalise = false): Read {
  const reader = new DataReader({ normalise });
  const buffer = new BodyBuffer({ bytesMax });
  let rest: string | undefined;
  for (const text of chunks) {
    if (rest !== undefined) {
      rest += text;
      continue;
    }
    // Odd offsets in memory: the reader looks at four octets at a time.
    const chunk = Buffer.from(`x${text}`, 'latin1').subarray(1);
    const taken = reader.push(chunk, buffer);
    if (reader.ended) rest = text.slice(taken);
    else expect(taken).toBe(text.length);
  }
  return {
    content: buffer.content().toString('latin1'),
    rest,
    bareNewline: reader.bareNewline,
    nulOctet: reader.nulOctet,
  };
}

/** RFC 5321 sections 4.1.1.4 and 4.5.2, said with the whole input in hand. */
function model(input: string): Read {
  const end = `\r\n${input}`.indexOf('\r\n.\r\n');
  const data = end < 0 ? input : input.slice(0, end);
  const rest = end < 0 ? undefined : input.slice(end + 3);
  const content = `\r\n${data}`.replaceAll('\r\n.', '\r\n').slice(2);
  return {
    content,
    rest,
    bareNewline: /\r(?!\n)|(?<!\r)\n/.test(content),
    nulOctet: content.includes('\0'),
  };
}

function cut(input: string, places: readonly number[]): string[] {
  const chunks: string[] = [];
  let from = 0;
  for (const place of places.map((at) => at % (input.length + 1)).toSorted((a, b) => a - b)) {
    chunks.push(input.slice(from, place));
    from = place;
  }
  chunks.push(input.slice(from));
  return chunks.filter((chunk) => chunk !== '');
}

describe('data of a message', () => {
  test('one message, its end and the next command are the same however the octets are cut', () => {
    const pieces = fc.array(
      fc.constantFrom('\r', '\n', '.', '\r\n', '\r\n.', '\r\n.\r\n', 'a', 'bcdefgh', '\0', '\xff'),
    );
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(), { maxLength: 8 }), (parts, places) => {
        const input = `${parts.join('')}\r\n.\r\nQUIT\r\n`;
        expect(read(cut(input, places))).toEqual(model(input));
      }),
      { numRuns: 5000 },
    );
  });

  test('octet by octet it is the same', () => {
    const input = '..stuffed\r\n.\r.\n\r\n..\r\n\0\r\n.\r\nNOOP\r\n';
    expect(read(input.split(''))).toEqual(model(input));
  });

  test.each([
    ['LF . CR LF', 'a\n.\r\nMAIL FROM:<x@y>\r\n.\r\n'],
    ['LF . LF', 'a\n.\nMAIL FROM:<x@y>\r\n.\r\n'],
    ['CR . CR', 'a\r.\rMAIL FROM:<x@y>\r\n.\r\n'],
    ['CR LF . LF', 'a\r\n.\nMAIL FROM:<x@y>\r\n.\r\n'],
    ['CR LF . CR', 'a\r\n.\rMAIL FROM:<x@y>\r\n.\r\n'],
    ['CR . CR LF', 'a\r.\r\nMAIL FROM:<x@y>\r\n.\r\n'],
    ['CR LF NUL . CR LF', 'a\r\n\0.\r\nMAIL FROM:<x@y>\r\n.\r\n'],
    ['CR LF . NUL CR LF', 'a\r\n.\0\r\nMAIL FROM:<x@y>\r\n.\r\n'],
  ])('%s is no end of data, and is noticed', (_name, input) => {
    const { rest, content, bareNewline, nulOctet } = read([input]);
    expect(rest).toBe('');
    expect(content).toContain('MAIL FROM');
    expect(bareNewline || nulOctet).toBe(true);
  });

  test('normalised, no bare CR or LF is left and nothing else changes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('\r', '\n', 'a', 'b') }),
        fc.array(fc.nat()),
        (text, places) => {
          const { content } = read(cut(`x${text}\r\n.\r\n`, places), true);
          expect(content).toBe(`x${text}\r\n`.replace(/\r\n|\r|\n/g, '\r\n'));
        },
      ),
    );
  });

  test('a message without a line is empty', () => {
    expect(read(['.\r\n'])).toEqual({ content: '', rest: '', bareNewline: false, nulOctet: false });
    expect(read(['.', '\r', '\n'])).toEqual({ content: '', rest: '', bareNewline: false, nulOctet: false });
  });
});

describe('body buffer', () => {
  test('keeps what fits, counts the rest, and grows with what came', () => {
    const buffer = new BodyBuffer({ bytesMax: 100_000 });
    const chunk = Buffer.alloc(30_000, 'a');
    for (let count = 0; count < 5; count++) buffer.append(chunk, 0, chunk.length);
    expect(buffer.bytes).toBe(150_000);
    expect(buffer.content().length).toBe(100_000);
  });

  test('puts together what it collected, whatever the sizes, and tells beforehand what memory it takes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3 * blockBytes), { maxLength: 6 }), (sizes) => {
        const buffer = new BodyBuffer({ bytesMax: 10 * blockBytes });
        const parts = sizes.map((size, index) => Buffer.alloc(size, 97 + index));
        for (const part of parts) {
          const foretold = buffer.capacityAfter(part.length);
          // A view into more: what stands around it must not get in.
          buffer.append(Buffer.concat([Buffer.from('<'), part, Buffer.from('>')]), 1, part.length + 1);
          expect(buffer.capacityBytes).toBeLessThanOrEqual(foretold);
        }
        const whole = Buffer.concat(parts);
        const kept = whole.subarray(0, 10 * blockBytes);
        expect(buffer.bytes).toBe(whole.length);
        expect(buffer.head().equals(kept.subarray(0, buffer.head().length))).toBe(true);
        expect(buffer.head().length).toBeGreaterThanOrEqual(Math.min(kept.length, headerScanBytesMax));
        expect(buffer.withTrace('T: x\r\n').equals(Buffer.concat([Buffer.from('T: x\r\n'), kept]))).toBe(
          true,
        );
        expect(buffer.content().equals(kept)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('trace lines stand before the content without a copy of it', () => {
    const buffer = new BodyBuffer({ bytesMax });
    buffer.append(Buffer.from('Subject: x\r\n'), 0, 12);
    expect(buffer.withTrace('Received: here\r\n').toString()).toBe('Received: here\r\nSubject: x\r\n');
    expect(new BodyBuffer({ bytesMax }).withTrace('Received: here\r\n').toString()).toBe(
      'Received: here\r\n',
    );
  });

  test('discarded, it counts on but keeps nothing', () => {
    const buffer = new BodyBuffer({ bytesMax });
    buffer.append(Buffer.from('abc'), 0, 3);
    buffer.discard();
    buffer.append(Buffer.from('defg'), 0, 4);
    expect(buffer.bytes).toBe(7);
    expect(buffer.capacityBytes).toBe(0);
  });
});
