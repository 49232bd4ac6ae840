/** The trace line we put before a message (RFC 5321 section 4.4; protocol names of RFC 3848 and RFC 6531). */
import type { MessageId } from '@mailwheel/envelope';
import { isIPv6 } from 'node:net';

/** RFC 3848, RFC 6531: `S` under TLS, `A` of a client that has logged in (which it can under TLS only). */
export type TraceProtocol =
  | 'SMTP'
  | 'ESMTP'
  | 'ESMTPS'
  | 'ESMTPSA'
  | 'UTF8SMTP'
  | 'UTF8SMTPS'
  | 'UTF8SMTPSA'
  | 'HTTP';

/** The word for how a message came over SMTP. There is none for TLS after HELO. */
export function traceProtocol(session: {
  readonly extended: boolean;
  readonly smtpUtf8: boolean;
  readonly secure: boolean;
  readonly loggedIn: boolean;
}): TraceProtocol {
  const base = session.smtpUtf8 ? 'UTF8SMTP' : session.extended ? 'ESMTP' : 'SMTP';
  if (base === 'SMTP' || !session.secure) return base;
  return session.loggedIn ? `${base}SA` : `${base}S`;
}

export interface TraceFacts {
  /** What the client called itself in HELO or EHLO; absent over HTTP. */
  readonly heloName?: string;
  readonly clientAddress: string;
  readonly hostname: string;
  readonly protocol: TraceProtocol;
  readonly messageId: MessageId;
  /** Given only when there is one recipient: with more, the line would tell each about the others. */
  readonly recipient?: string;
  readonly atMs: number;
}

/** Characters of a HELO name that stand in a trace line as they are; whatever else comes is written `?`. */
const heloForeign = /[^A-Za-z0-9._:[\]-]/g;
const heloCharactersMax = 255;

/** One header field with its CRLF, folded, ASCII but for an SMTPUTF8 recipient. */
export function receivedLine(facts: TraceFacts): string {
  const literal = isIPv6(facts.clientAddress) ? `[IPv6:${facts.clientAddress}]` : `[${facts.clientAddress}]`;
  const from =
    facts.heloName === undefined
      ? literal
      : `${facts.heloName.slice(0, heloCharactersMax).replace(heloForeign, '?')} (${literal})`;
  const forRecipient = facts.recipient === undefined ? '' : `\r\n\tfor <${facts.recipient}>`;
  return (
    `Received: from ${from}\r\n\tby ${facts.hostname} with ${facts.protocol} id ${facts.messageId}` +
    `${forRecipient};\r\n\t${mailDate(facts.atMs)}\r\n`
  );
}

let lastSecond = -1;
let lastDate = '';

/** RFC 5322 date-time in UTC: `Mon, 24 Nov 2025 16:29:00 +0000`. */
export function mailDate(atMs: number): string {
  const second = Math.floor(atMs / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastDate = new Date(second * 1000).toUTCString().replace('GMT', '+0000');
  }
  return lastDate;
}
