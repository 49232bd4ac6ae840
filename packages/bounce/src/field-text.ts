/**
 * Text for header fields and for the fields of a delivery report. Everything that came from a peer passes through here:
 * nothing he wrote may end a line, and no line grows above what RFC 5322 section 2.1.1 allows.
 */

/** Octets of a line that is still pleasant to read, RFC 5322 section 2.1.1. */
const pleasantLineBytes = 78;
/** Octets of a line at most, without CRLF, RFC 5322 section 2.1.1. */
export const lineBytesMax = 998;
/** A word is cut before the limit, so that a fold and an indent still fit. */
const wordBytesMax = 900;

export function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

/** One line: control and line-breaking characters become `?`, surrounding space goes. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => (character === '\t' ? ' ' : '?')).trim();
}

/** The same in ASCII: everything else becomes `?`, as RFC 3464 section 2.1.1 knows no other characters. */
export function oneAsciiLine(text: string): string {
  return oneLine(text).replace(/[^\0-\x7f]/gu, '?');
}

/** `Name: value`, folded before words; a word longer than a line is cut. */
export function field(name: string, value: string): string {
  const lines: string[] = [];
  const start = `${name}:`;
  let line = start;
  for (const word of value.split(' ').flatMap(cutWord)) {
    // The first word stays with the name: a line of nothing but space is no continuation (RFC 5322 section 3.2.2).
    const fits = Buffer.byteLength(`${line} ${word}`) <= pleasantLineBytes;
    if (fits || line === start) {
      line += ` ${word}`;
      continue;
    }
    lines.push(line);
    line = ` ${word}`;
  }
  lines.push(line);
  return lines.join('\r\n');
}

function cutWord(word: string): string[] {
  if (Buffer.byteLength(word) <= wordBytesMax) return [word];
  const pieces: string[] = [];
  let piece = '';
  for (const character of word) {
    if (Buffer.byteLength(piece) + Buffer.byteLength(character) > wordBytesMax) {
      pieces.push(piece);
      piece = '';
    }
    piece += character;
  }
  pieces.push(piece);
  return pieces;
}

/** Display name of an address: quoted, or an encoded word (RFC 2047) if it is not ASCII. */
export function displayName(name: string): string {
  const line = oneLine(name);
  if (!isAscii(line)) return `=?utf-8?B?${Buffer.from(line).toString('base64')}?=`;
  return `"${line.replace(/["\\]/g, '\\$&')}"`;
}

/** RFC 5322 section 3.3, in UTC. */
export function dateTime(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}

/** `3 days`, `1 hour`, `45 seconds`: the largest whole unit. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  for (const [unit, size] of [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const) {
    const count = Math.floor(seconds / size);
    if (count > 0) return `${count} ${unit}${count === 1 ? '' : 's'}`;
  }
  return `${seconds} second${seconds === 1 ? '' : 's'}`;
}
