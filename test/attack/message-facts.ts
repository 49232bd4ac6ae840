/** What a host writes down of a message it was given. Reads bytes; knows nothing of who relayed them. */
import { createHash } from 'node:crypto';
import type { TransactionRecord } from './records.ts';

export type MessageFacts = Pick<TransactionRecord, 'number' | 'id' | 'digest' | 'contentDigest' | 'report'>;

const traceLine = /^Received: [^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n/;
const headerBytesMax = 8192;

/** The one trace line in front is taken off before the message is digested; any other stays and spoils the digest. */
export function factsOf(message: Buffer, isReport: boolean): MessageFacts {
  const start = message.toString('latin1', 0, headerBytesMax);
  const trace = traceLine.exec(start)?.[0] ?? '';
  const end = start.indexOf('\r\n\r\n');
  const header = end < 0 ? start : start.slice(0, end + 2);
  const number = /^X-Attack-Number: (\d+)\r$/m.exec(header)?.[1];
  const id = /\bid (m[0-9a-z]+)/.exec(trace)?.[1];
  return {
    ...(number === undefined ? {} : { number: Number(number) }),
    ...(id === undefined ? {} : { id }),
    digest: digestOf(message.subarray(trace.length)),
    contentDigest: digestOf(end < 0 ? Buffer.alloc(0) : message.subarray(end + 4)),
    ...(isReport ? { report: reportOf(message, header) } : {}),
  };
}

export function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64url');
}

/** RFC 3464 section 2.3: the groups of fields that name a recipient. */
function reportOf(message: Buffer, header: string): NonNullable<MessageFacts['report']> {
  const recipients: { address: string; action: string }[] = [];
  let address: string | undefined;
  for (const line of message.toString('latin1').split('\r\n')) {
    const [, name, value] = /^(Final-Recipient|Action): *(.*)$/i.exec(line) ?? [];
    if (value === undefined) continue;
    if (name?.toLowerCase() === 'final-recipient') address = value.replace(/^rfc822; */i, '');
    else if (address !== undefined) recipients.push({ address, action: value.toLowerCase() });
  }
  return { id: /^Message-ID: <([^>]*)>/im.exec(header)?.[1] ?? 'none', recipients };
}
