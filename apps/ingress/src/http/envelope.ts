/** The envelope of an HTTP submission: the same judgements as over SMTP, told as problems that name the field. */
import { encodeXtext, parseAddress, type NotifyCondition, type Recipient } from '@mailwheel/envelope';
import { addRecipient, judgeMailbox, type MailboxContext, type Transaction } from '../smtp/policy.ts';
import { fieldProblem, Problem } from './problem.ts';
import type { Principal } from './tokens.ts';

/** An address with the place it came from. */
export interface Named {
  readonly field: string;
  readonly address: string;
}

export interface EnvelopeRequest {
  readonly from: Named;
  readonly to: readonly Named[];
  readonly notify?: readonly NotifyCondition[] | undefined;
  readonly ret?: 'FULL' | 'HDRS' | undefined;
  /** Plain text; encoded here. */
  readonly envid?: string | undefined;
}

export interface HttpEnvelope {
  readonly reversePath: string;
  readonly recipients: readonly Recipient[];
  readonly smtpUtf8: boolean;
  readonly ret?: 'FULL' | 'HDRS';
  readonly envid?: string;
}

/** RFC 3461 section 4.4. */
const envidCharactersMax = 100;

/** Judges sender and recipients. SMTPUTF8 is used when an address needs it. Throws a Problem. */
export function readEnvelope(
  request: EnvelopeRequest,
  principal: Principal,
  context: MailboxContext,
): HttpEnvelope {
  const smtpUtf8 = [request.from, ...request.to].some(({ address }) => /[^\0-\x7f]/.test(address));
  const reversePath = readSender(request.from, principal, smtpUtf8);
  const transaction: Transaction = {
    reversePath,
    smtpUtf8,
    body: '7BIT',
    recipients: new Map(),
    destinations: new Set(),
  };
  for (const { field, address } of request.to) {
    const judged = judgeMailbox(address, transaction, context);
    if (judged.kind === 'refused') throw fieldProblem(field, judged.reply.text);
    const notify = request.notify === undefined ? {} : { notify: request.notify };
    addRecipient(transaction, { ...judged.value, ...notify });
  }
  if (transaction.recipients.size === 0) {
    throw fieldProblem(request.to[0]?.field ?? 'to', 'at least one recipient is needed');
  }
  return {
    reversePath,
    recipients: [...transaction.recipients.values()],
    smtpUtf8,
    ...(request.ret === undefined ? {} : { ret: request.ret }),
    ...(request.envid === undefined ? {} : { envid: readEnvid(request.envid) }),
  };
}

function readSender(from: Named, principal: Principal, smtpUtf8: boolean): string {
  let judgedBy = '';
  let reversePath = '';
  if (from.address !== '') {
    const address = parseAddress(from.address, { smtpUtf8 });
    if (!address.ok) throw fieldProblem(from.field, address.text);
    reversePath = address.address;
    judgedBy = `${address.local}@${address.destination}`;
  }
  if (!principal.maySendFrom(judgedBy)) {
    const message = 'this token may not send from this address';
    throw new Problem('sender-not-allowed', `${from.field}: ${message}`, {
      errors: [{ field: from.field, message }],
    });
  }
  return reversePath;
}

function readEnvid(envid: string): string {
  const encoded = encodeXtext(envid);
  if (encoded.length > envidCharactersMax) {
    throw fieldProblem('envid', `longer than ${envidCharactersMax} characters when encoded`);
  }
  return encoded;
}
