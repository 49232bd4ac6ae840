/** Content-Transfer-Encoding (RFC 2045 section 6) of the parts of a report. */
import { lineBytesMax } from './field-text.ts';

export type TransferEncoding = '7bit' | '8bit' | 'quoted-printable' | 'base64';

/** What a content is like, in one pass. */
export interface ContentTraits {
  readonly eightBit: boolean;
  /** It cannot travel as lines: a line above 998 octets, a NUL, a CR or LF alone. */
  readonly unfitLines: boolean;
}

export function contentTraits(content: Uint8Array): ContentTraits {
  let eightBit = false;
  let unfitLines = false;
  let lineBytes = 0;
  for (let at = 0; at < content.length; at++) {
    const octet = content[at];
    if (octet === 10) {
      if (at === 0 || content[at - 1] !== 13) unfitLines = true;
      lineBytes = 0;
      continue;
    }
    if (octet === 13 && content[at + 1] !== 10) unfitLines = true;
    if (octet === 0) unfitLines = true;
    if (octet !== undefined && octet > 127) eightBit = true;
    if (octet !== 13) lineBytes++;
    if (lineBytes > lineBytesMax) unfitLines = true;
  }
  return { eightBit, unfitLines };
}

/** RFC 2045 section 6.7. CRLF stays a line break; every other control character is encoded. */
export function quotedPrintable(content: Uint8Array): string {
  const softLineCharacters = 75;
  let encoded = '';
  let line = '';
  for (let at = 0; at < content.length; at++) {
    const octet = content[at] ?? 0;
    if (octet === 13 && content[at + 1] === 10) {
      encoded += `${line}\r\n`;
      line = '';
      at++;
      continue;
    }
    const endsLine = at + 1 === content.length || (content[at + 1] === 13 && content[at + 2] === 10);
    const plain = (octet > 32 && octet < 127 && octet !== 61) || (octet === 32 && !endsLine);
    const piece = plain
      ? String.fromCharCode(octet)
      : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;
    if (line.length + piece.length > softLineCharacters) {
      encoded += `${line}=\r\n`;
      line = '';
    }
    line += piece;
  }
  return encoded + line;
}

export function base64Lines(content: Uint8Array): string {
  return (
    Buffer.from(content)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\r\n');
}
