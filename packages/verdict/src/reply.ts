/**
 * Reading an SMTP reply. What comes out is safe to log and draw: shortened, control characters escaped. A text that is no
 * reply gives `undefined`, which the caller reports as trouble `out-of-step`.
 */
import { printable } from '@mailwheel/envelope';
import type { Reply } from './types.ts';

/** Longest text kept of a reply, in UTF-16 units (RFC 5321 section 4.5.3.1.5 allows 512 octets a line). */
export const replyTextCharsMax = 500;
/** Lines looked at of a multi-line reply; the rest is dropped. */
export const replyLinesMax = 50;

/** RFC 5321 section 4.2: code, then a space, a hyphen (more lines follow) or the end of the line. */
const coded = /^([2-5]\d\d)(?:([ -])(.*))?$/s;
/** RFC 2034 section 4, RFC 3463 section 2: class.subject.detail, and the end of the word. */
const enhanced = /^([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)\s*/;

/**
 * Parses one reply of one or more lines, with or without line ends. The lines' codes must agree (RFC 5321 section 4.2.1):
 * a reply that says 250 and 451 says nothing. A line without a code continues the text: some hosts break their own lines.
 * The enhanced code of the first line counts, and only if its class is that of the basic code (RFC 2034).
 */
export function parseReply(text: string): Reply | undefined {
  const lines = text.replace(/(?:\r?\n|\r)+$/, '').split(/\r?\n|\r/, replyLinesMax);
  const first = coded.exec(lines[0] ?? '');
  if (first === null) return undefined;
  const digits = first[1] ?? '';
  const code = Number(digits);
  let enhancedCode: string | undefined;
  const texts: string[] = [];
  for (const [index, line] of lines.entries()) {
    const parts = coded.exec(line);
    if (parts !== null && parts[1] !== digits) return undefined;
    const said = (parts === null ? line : (parts[3] ?? '')).trim();
    const own = fittingPrefix(said, code);
    if (index === 0) enhancedCode = own?.code;
    const rest = own === undefined || own.code !== enhancedCode ? said : said.slice(own.length);
    if (rest !== '') texts.push(rest);
  }
  return replyOf(code, enhancedCode, texts.join(' '));
}

/** The enhanced code, if its class is the first digit of the basic code; else it is as if there were none. */
export function fittingEnhancedCode(reply: Reply): string | undefined {
  const { enhancedCode } = reply;
  if (enhancedCode === undefined || !enhanced.test(enhancedCode)) return undefined;
  return enhancedCode.charAt(0) === String(replyClass(reply)) ? enhancedCode : undefined;
}

/** Class of a reply: the first digit of its basic code. */
export function replyClass(reply: Reply): number {
  return Math.floor(reply.code / 100);
}

function fittingPrefix(
  said: string,
  code: number,
): { readonly code: string; readonly length: number } | undefined {
  const match = enhanced.exec(said);
  if (match === null || Number(match[1]) !== Math.floor(code / 100)) return undefined;
  return { code: `${match[1]}.${match[2]}.${match[3]}`, length: match[0].length };
}

function replyOf(code: number, enhancedCode: string | undefined, said: string): Reply {
  const text = printable(said, replyTextCharsMax);
  const line = [String(code), enhancedCode, text]
    .filter((part) => part !== undefined && part !== '')
    .join(' ');
  return { code, ...(enhancedCode === undefined ? {} : { enhancedCode }), text, line };
}
