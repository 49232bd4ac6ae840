/** The envelope as commands, and what must be known before MAIL is said. */
import { printable, type Recipient } from '@mailwheel/envelope';
import type { Trouble } from '@mailwheel/verdict';
import type { Extensions } from './extensions.ts';
import type { TransactionRequest } from './types.ts';

export interface Objection {
  readonly trouble: Trouble;
  readonly detail: string;
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const controls = /[\x00-\x1f\x7f]/;
// oxlint-disable-next-line no-control-regex -- likewise
const beyondAscii = /[^\x00-\x7f]/;
const longestShown = 80;

/**
 * Why this message cannot be offered to a host with these extensions: SMTPUTF8 is needed and missing (RFC 6531 section 3.2),
 * or the message is above its SIZE (RFC 1870). Also refused: an envelope that would break out of its command; no ingress lets
 * one in, and sending it would be worse than keeping it.
 */
export function objection(request: TransactionRequest, extensions: Extensions): Objection | undefined {
  const { body, recipients } = request;
  const broken = brokenPart(request);
  if (broken !== undefined) {
    const detail = `the envelope cannot be sent: ${printable(JSON.stringify(broken), longestShown)}`;
    return { trouble: 'unknown', detail };
  }
  if (!extensions.smtpUtf8) {
    const international =
      beyondAscii.test(request.reversePath) ||
      recipients.some((recipient) => beyondAscii.test(recipient.address));
    if (international) {
      return {
        trouble: 'smtputf8-missing',
        detail: 'an address needs SMTPUTF8, which the host does not offer',
      };
    }
    if (request.smtpUtf8) {
      return {
        trouble: 'smtputf8-missing',
        detail: 'the message needs SMTPUTF8, which the host does not offer',
      };
    }
  }
  const { sizeBytesMax } = extensions;
  if (sizeBytesMax === undefined || body.length <= sizeBytesMax) return undefined;
  const detail = `the message has ${body.length} bytes, the host takes ${sizeBytesMax}`;
  return { trouble: 'size-exceeded', detail };
}

/** `MAIL FROM:<...>` with every parameter that this host understands, CRLF included. */
export function mailCommand(request: TransactionRequest, extensions: Extensions): string {
  let command = `MAIL FROM:<${request.reversePath}>`;
  if (extensions.sizeBytesMax !== undefined) command += ` SIZE=${request.body.length}`;
  if (extensions.eightBitMime && request.bodyType === '8BITMIME') command += ' BODY=8BITMIME';
  if (extensions.smtpUtf8 && needsSmtpUtf8(request)) command += ' SMTPUTF8';
  if (extensions.dsn) {
    if (request.ret !== undefined) command += ` RET=${request.ret}`;
    if (request.envid !== undefined) command += ` ENVID=${request.envid}`;
  }
  return `${command}\r\n`;
}

/** `RCPT TO:<...>` with NOTIFY and ORCPT where the host offers DSN (RFC 3461 section 4), CRLF included. */
export function rcptCommand(recipient: Recipient, extensions: Extensions): string {
  const { address, notify, originalRecipient } = recipient;
  if (!extensions.dsn) return `RCPT TO:<${address}>\r\n`;
  const conditions = notify === undefined || notify.length === 0 ? '' : ` NOTIFY=${notify.join(',')}`;
  const original = originalRecipient === undefined ? '' : ` ORCPT=${originalRecipient}`;
  return `RCPT TO:<${address}>${conditions}${original}\r\n`;
}

function needsSmtpUtf8(request: TransactionRequest): boolean {
  return (
    request.smtpUtf8 ||
    beyondAscii.test(request.reversePath) ||
    request.recipients.some((recipient) => beyondAscii.test(recipient.address))
  );
}

/** The first piece of the envelope that would not stay within its place in a command. */
function brokenPart(request: TransactionRequest): string | undefined {
  if (breaksOut(request.reversePath)) return request.reversePath;
  if (request.envid !== undefined && notOneWord(request.envid)) return request.envid;
  for (const { address, originalRecipient } of request.recipients) {
    if (address === '' || breaksOut(address)) return address;
    if (originalRecipient !== undefined && notOneWord(originalRecipient)) return originalRecipient;
  }
  return undefined;
}

/** Angle brackets and spaces are part of an address only within a quoted local part. */
function breaksOut(address: string): boolean {
  return controls.test(address) || (!address.startsWith('"') && /[<> ]/.test(address));
}

function notOneWord(text: string): boolean {
  return text.includes(' ') || controls.test(text);
}
