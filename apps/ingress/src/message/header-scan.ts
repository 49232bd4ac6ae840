/**
 * What the ingress reads of a message: the fields an operator knows it by, its class, and how many systems had it before
 * us. Only the header block is looked at, line by line, and of it only the beginning: trace lines stand on top, so a loop
 * cannot hide behind the limit.
 */
import { printable, type Priority } from '@mailwheel/envelope';

/** Below what `BodyBuffer.head` gives. */
export const headerScanBytesMax = 192 * 1024;
/** Characters kept of a subject or message id. */
const fieldCharactersMax = 250;

export interface HeaderFacts {
  readonly receivedLines: number;
  readonly subject?: string;
  readonly headerMessageId?: string;
  readonly priority: Priority;
}

const lf = 0x0a;
const cr = 0x0d;
const colon = 0x3a;

/** Field names we look for, by their length: most lines are ruled out by that alone. */
const wanted: ReadonlyMap<number, string> = new Map([
  [7, 'subject'],
  [8, 'received'],
  [10, 'message-id'],
  [20, 'x-mailwheel-priority'],
]);

/** Scans the header block of a message with CRLF line ends; `message` may be no more than its beginning. */
export function scanHeader(message: Buffer): HeaderFacts {
  const end = Math.min(message.length, headerScanBytesMax);
  const values = new Map<string, string>();
  let receivedLines = 0;
  let at = 0;
  while (at < end && message[at] !== cr && message[at] !== lf) {
    const lineEnd = nextLine(message, at, end);
    const name = fieldName(message, at, lineEnd);
    if (name === 'received') receivedLines++;
    else if (name !== undefined && !values.has(name)) {
      values.set(name, fieldValue(message, at + name.length, end));
    }
    at = lineEnd;
  }
  const subject = values.get('subject');
  const headerMessageId = values.get('message-id');
  return {
    receivedLines,
    ...(subject === undefined ? {} : { subject }),
    ...(headerMessageId === undefined ? {} : { headerMessageId }),
    priority: asPriority(values.get('x-mailwheel-priority')),
  };
}

/** First octet after the line's LF. */
function nextLine(message: Buffer, at: number, end: number): number {
  const found = message.indexOf(lf, at);
  return found < 0 || found >= end ? end : found + 1;
}

/** The name of the field that starts on this line, in lower case, if it is one we look for. */
function fieldName(message: Buffer, from: number, to: number): string | undefined {
  let at = from;
  // RFC 5322 section 2.2: printable ASCII but the colon. A blank starts a continuation line.
  while (at < to && (message[at] as number) > 0x20 && message[at] !== colon) at++;
  const name = wanted.get(at - from);
  if (name === undefined) return undefined;
  // Obsolete syntax allows blanks before the colon (RFC 5322 section 4.5.8).
  const nameEnd = at;
  while (at < to && (message[at] === 0x20 || message[at] === 0x09)) at++;
  if (message[at] !== colon) return undefined;
  return message.toString('latin1', from, nameEnd).toLowerCase() === name ? name : undefined;
}

/** Text of a field, unfolded, shortened, controls escaped. Encoded words stay encoded. */
function fieldValue(message: Buffer, from: number, end: number): string {
  let to = nextLine(message, from, end);
  while (to < end && to - from < 4 * fieldCharactersMax && (message[to] === 0x20 || message[to] === 0x09)) {
    to = nextLine(message, to, end);
  }
  const cut = Math.min(to, from + 4 * fieldCharactersMax);
  const text = message.toString('utf8', from, cut).replace(/^\s*:/, '').replace(/\r?\n/g, '').trim();
  return printable(text, fieldCharactersMax);
}

/** `X-Mailwheel-Priority: high | normal | bulk`; anything else is normal. */
function asPriority(value: string | undefined): Priority {
  const word = value?.toLowerCase();
  return word === 'high' || word === 'bulk' ? word : 'normal';
}
