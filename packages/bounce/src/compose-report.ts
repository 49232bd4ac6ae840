/** Puts a report together: multipart/report of RFC 6522 with the three parts, and the header around them. */
import { explanation, subjects } from './explanation.ts';
import { deliveryStatus } from './delivery-status.ts';
import { dateTime, displayName, field, isAscii, oneAsciiLine, oneLine } from './field-text.ts';
import { returnedMessage, type ReturnedMessage } from './returned-message.ts';
import { contentTraits, quotedPrintable } from './transfer-encoding.ts';
import type { ComposedReport, ReportOptions, ReportRequest } from './types.ts';

/**
 * Composes a report to the original's reverse-path (or `options.to`). The caller has asked `reportsWanted` and sends it from
 * the null reverse-path, so that nothing is ever reported about it.
 * @throws {RangeError} without an addressee, without a recipient to speak of, or with an unfit boundary.
 */
export function composeReport(request: ReportRequest, options: ReportOptions): ComposedReport {
  const to = options.to ?? request.original.reversePath;
  if (to === '') throw new RangeError('a report about a message with a null reverse-path has no addressee');
  if (request.recipients.length === 0) throw new RangeError('a report needs a recipient to speak of');
  const smtpUtf8 = !isAscii(to);
  const returned = returnedMessage(request, options, smtpUtf8);
  const machine = Buffer.from(deliveryStatus(request, options, smtpUtf8));
  const text = explanation(request, options);
  // Every part, not the message alone: its subject stands in the text, and lines of that are broken anew.
  const boundary = safeBoundary(
    options.boundary,
    Buffer.concat([Buffer.from(text), machine, request.originalBody]),
  );
  const eightBit = contentTraits(machine).eightBit || returned?.encoding === '8bit';
  const subject = subjects[request.why];
  const header = [
    `From: ${displayName(options.reportingName ?? 'Mail Delivery System')} <MAILER-DAEMON@${oneAsciiLine(options.hostname)}>`,
    `To: <${oneLine(to)}>`,
    field('Subject', subject),
    field('Date', dateTime(options.nowMs)),
    field('Message-ID', `<${options.messageId}@${oneAsciiLine(options.hostname)}>`),
    ...references(request),
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status;',
    ` boundary="${boundary}"`,
    ...(eightBit ? ['Content-Transfer-Encoding: 8bit'] : []),
  ];
  const parts = [
    textPart(text),
    machinePart(machine, smtpUtf8),
    ...(returned === undefined ? [] : [returnedPart(returned)]),
  ];
  const body = Buffer.concat([
    Buffer.from(`${header.join('\r\n')}\r\n\r\nThis is a report in several parts (MIME, RFC 6522).\r\n`),
    ...parts.flatMap((part) => [Buffer.from(`\r\n--${boundary}\r\n`), part]),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  return {
    messageId: options.messageId,
    to,
    smtpUtf8,
    bodyType: eightBit ? '8BITMIME' : '7BIT',
    subject,
    body,
  };
}

/** A thread for mail programs (RFC 3834 section 3.1.6 for In-Reply-To). Only an id that is one: it came from a peer. */
function references({ original }: ReportRequest): string[] {
  const id = original.headerMessageId;
  if (id === undefined || id.length > 900 || !/^<[!-;=?-~]+@[!-;=?-~]+>$/.test(id)) return [];
  return [`In-Reply-To: ${id}`, `References: ${id}`];
}

function textPart(text: string): Buffer {
  const content = Buffer.from(text);
  const { eightBit, unfitLines } = contentTraits(content);
  const plain = !eightBit && !unfitLines;
  const header = [
    'Content-Description: Notification',
    `Content-Type: text/plain; charset=${eightBit ? 'utf-8' : 'us-ascii'}`,
    `Content-Transfer-Encoding: ${plain ? '7bit' : 'quoted-printable'}`,
  ];
  return withHeader(header, plain ? content : Buffer.from(quotedPrintable(content)));
}

function machinePart(content: Buffer, utf8: boolean): Buffer {
  const header = [
    'Content-Description: Delivery report',
    `Content-Type: message/${utf8 ? 'global-delivery-status' : 'delivery-status'}`,
    `Content-Transfer-Encoding: ${contentTraits(content).eightBit ? '8bit' : '7bit'}`,
  ];
  return withHeader(header, content);
}

function returnedPart({ contentType, description, encoding, content }: ReturnedMessage): Buffer {
  const header = [
    `Content-Description: ${description}`,
    `Content-Type: ${contentType}`,
    `Content-Transfer-Encoding: ${encoding}`,
  ];
  return withHeader(header, content);
}

function withHeader(header: readonly string[], content: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${header.join('\r\n')}\r\n\r\n`), content]);
}

/** Longer until the message does not hold it (RFC 2046 section 5.1.1). With a random one that is the first. */
function safeBoundary(random: string, body: Buffer): string {
  if (!/^[A-Za-z0-9=_-]{8,50}$/.test(random)) {
    throw new RangeError('a boundary is 8 to 50 characters of A-Z, a-z, 0-9, =, _ and -');
  }
  let boundary = random;
  for (let tail = 0; body.includes(boundary) && tail < 10_000; tail++) boundary = `${random}.${tail}`;
  return boundary;
}
