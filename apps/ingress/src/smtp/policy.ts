/**
 * What a client may do: every decision of a session as a function of values, so that each is tested without a socket.
 * The session (`session.ts`) only carries out what is decided here.
 */
import { addressScope, destinationAddress, parseAddress, type DestinationKey } from '@mailwheel/envelope';
import type { Recipient } from '@mailwheel/envelope';
import type { Charge, MinuteLimits } from '../users/user-limits.ts';
import { readMailParameters, readRecipientParameters } from './parameters.ts';
import { readPathCommand } from './path-command.ts';
import { messageTooLarge, replies, type Judged, type Reply } from './reply.ts';

/** Limits of one listener; the settings of `ingress.smtp`. */
export interface SmtpLimits {
  readonly messageBytesMax: number;
  readonly recipientsMax: number;
  readonly destinationsMax: number;
  readonly hopsMax: number;
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
}

/** A mail transaction between MAIL and the reply to its data. Only `addRecipient` changes it. */
export interface Transaction {
  readonly reversePath: string;
  readonly smtpUtf8: boolean;
  readonly body: '7BIT' | '8BITMIME';
  readonly declaredBytes?: number;
  readonly ret?: 'FULL' | 'HDRS';
  readonly envid?: string;
  /** By mailbox, in the order they were first named: `index` is the place. */
  readonly recipients: Map<string, Recipient>;
  readonly destinations: Set<DestinationKey>;
}

export type Admission = { readonly kind: 'open' | 'full' | 'unavailable' };

/** May this connection be served? `open` counts this one too. */
export function judgeConnection(
  counts: { readonly open: number; readonly openFromAddress: number },
  limits: SmtpLimits,
): Reply | undefined {
  if (counts.open > limits.connectionsMax) return replies.tooManyConnections;
  if (counts.openFromAddress > limits.connectionsPerAddressMax) return replies.tooManyFromAddress;
  return undefined;
}

export interface MailContext {
  readonly limits: SmtpLimits;
  readonly admission: Admission;
  /** Client certificates are required, and the session has none yet because it has no TLS yet. */
  readonly needsTls?: boolean;
  /** AUTH= is understood (RFC 4954 section 5). */
  readonly offersAuth?: boolean;
  /** Of a logged-in user, asked with the domain as an A-label in lower case; absent: any. */
  readonly maySendFrom?: (address: string) => boolean;
}

/** MAIL: syntax, parameters, declared size, and whether the store takes mail now. */
export function judgeMail(line: Buffer, context: MailContext): Judged<Transaction> {
  if (context.needsTls === true) return refused(replies.needTls);
  const command = readPathCommand('MAIL', line);
  if (command.kind === 'refused') return command;
  const parameters = readMailParameters(command.value.parameters, context);
  if (parameters.kind === 'refused') return parameters;
  const { declaredBytes, smtpUtf8 } = parameters.value;
  if (declaredBytes !== undefined && declaredBytes > context.limits.messageBytesMax) {
    return refused(messageTooLarge(context.limits.messageBytesMax));
  }
  let reversePath = '';
  let judgedBy = '';
  if (command.value.path !== '') {
    const address = parseAddress(command.value.path, { smtpUtf8 });
    if (!address.ok) return refused(address);
    reversePath = address.address;
    judgedBy = `${address.local}@${address.destination}`;
  }
  if (context.maySendFrom?.(judgedBy) === false) return refused(replies.senderNotAllowed);
  if (context.admission.kind === 'full') return refused(replies.storeFull);
  if (context.admission.kind === 'unavailable') return refused(replies.unavailable);
  return {
    kind: 'taken',
    value: { ...parameters.value, reversePath, recipients: new Map(), destinations: new Set() },
  };
}

export interface MailboxContext {
  readonly limits: Pick<SmtpLimits, 'recipientsMax' | 'destinationsMax'>;
  /** Domain that `<postmaster>` without one stands for (RFC 5321 section 4.5.1). */
  readonly hostname: string;
  /** Is a literal that is not public the key of a route (or allowed by `dns.allowPrivate`)? */
  readonly literalAllowed: (destination: DestinationKey) => boolean;
}

export interface RecipientContext extends MailboxContext {
  /** See `mayRelay`. */
  readonly trusted: boolean;
}

/** What a session has to show for itself. */
export interface Credit {
  /** The client's address is in `trustedNetworks`, and it is really the client's: no proxy left it open. */
  readonly trustedAddress: boolean;
  readonly loggedIn: boolean;
  /** A certificate that `caFile` verifies. */
  readonly certified: boolean;
}

/** Who may relay: trusted networks, users, and, if the settings say so, holders of a certificate. */
export function mayRelay(credit: Credit, rules: { readonly certificatesRelay: boolean }): boolean {
  return credit.trustedAddress || credit.loggedIn || (credit.certified && rules.certificatesRelay);
}

/** RCPT: who may relay comes first, so that a stranger learns nothing about limits or routes. */
export function judgeRecipient(
  line: Buffer,
  transaction: Transaction,
  context: RecipientContext,
): Judged<Recipient> {
  const command = readPathCommand('RCPT', line);
  if (command.kind === 'refused') return command;
  if (!context.trusted) return refused(replies.relayDenied);
  const parameters = readRecipientParameters(command.value.parameters, transaction);
  if (parameters.kind === 'refused') return parameters;
  const mailbox = judgeMailbox(command.value.path, transaction, context);
  return mailbox.kind === 'refused'
    ? mailbox
    : { kind: 'taken', value: { ...mailbox.value, ...parameters.value } };
}

/** A forward-path, whichever way it came: is it usable, and is there room for it in the transaction? */
export function judgeMailbox(
  path: string,
  transaction: Transaction,
  context: MailboxContext,
): Judged<Recipient> {
  const whole = path.toLowerCase() === 'postmaster' ? `${path}@${context.hostname}` : path;
  const address = parseAddress(whole, transaction);
  if (!address.ok) return refused(address);
  const { destination } = address;
  const literal = destinationAddress(destination);
  if (literal !== undefined && addressScope(literal) !== 'public' && !context.literalAllowed(destination)) {
    return refused(replies.literalNotPublic);
  }
  const known = transaction.recipients.get(mailboxKey(address.address, destination));
  if (known === undefined) {
    if (transaction.recipients.size >= context.limits.recipientsMax)
      return refused(replies.tooManyRecipients);
    const { destinations } = transaction;
    if (!destinations.has(destination) && destinations.size >= context.limits.destinationsMax) {
      return refused(replies.tooManyDestinations);
    }
  }
  const index = known?.index ?? transaction.recipients.size;
  return { kind: 'taken', value: { index, address: address.address, destination } };
}

/** Takes a judged recipient. Named twice, a mailbox gets one copy, with the parameters said last. */
export function addRecipient(transaction: Transaction, recipient: Recipient): void {
  transaction.recipients.set(mailboxKey(recipient.address, recipient.destination), recipient);
  transaction.destinations.add(recipient.destination);
}

/** One key for the spellings of a domain; the local part is its host's business (RFC 5321 section 2.4). */
function mailboxKey(address: string, destination: DestinationKey): string {
  return `${address.slice(0, address.lastIndexOf('@'))}@${destination}`;
}

/** AUTH: under TLS, once, and between transactions (RFC 4954 section 4). */
export function judgeAuth(session: {
  readonly secure: boolean;
  readonly loggedIn: boolean;
  readonly inTransaction: boolean;
}): Reply | undefined {
  if (!session.secure) return replies.authNeedsTls;
  if (session.loggedIn) return replies.authAgain;
  return session.inTransaction ? replies.authInTransaction : undefined;
}

/** A user who may send few recipients a minute cannot name more in one message: it could never be taken. */
export function limitsFor(minute: MinuteLimits, limits: SmtpLimits): SmtpLimits {
  const { recipientsPerMinuteMax } = minute;
  if (recipientsPerMinuteMax === 0 || recipientsPerMinuteMax >= limits.recipientsMax) return limits;
  return { ...limits, recipientsMax: recipientsPerMinuteMax };
}

export function judgeCharge(charge: Charge): Reply | undefined {
  switch (charge) {
    case 'charged':
      return undefined;
    case 'too-many-messages':
      return replies.userMessageRate;
    case 'too-many-recipients':
      return replies.userRecipientRate;
  }
}

/** DATA: a transaction with at least one recipient, and a store that still takes mail. */
export function judgeData(
  line: Buffer,
  transaction: Transaction | undefined,
  admission: Admission,
): Reply | undefined {
  if (line.toString('latin1').trim().length !== 4) return replies.dataTakesNoParameter;
  if (transaction === undefined) return replies.needMail;
  if (transaction.recipients.size === 0) return replies.needRecipient;
  if (admission.kind === 'full') return replies.storeFull;
  if (admission.kind === 'unavailable') return replies.unavailable;
  return undefined;
}

/** What reading the data found. */
export interface DataFindings {
  readonly bytes: number;
  readonly bareNewline: boolean;
  readonly nulOctet: boolean;
}

/** Before the terminator: may the message be taken as it came? */
export function judgeContent(
  findings: DataFindings,
  rules: { readonly messageBytesMax: number; readonly bareNewline: 'reject' | 'normalise' },
): Reply | undefined {
  if (findings.bytes > rules.messageBytesMax) return messageTooLarge(rules.messageBytesMax);
  if (findings.nulOctet) return replies.nulOctet;
  if (findings.bareNewline && rules.bareNewline === 'reject') return replies.bareNewline;
  return undefined;
}

/** A Received line for each system that had the message (RFC 5321 section 6.3). */
export function judgeHops(receivedLines: number, hopsMax: number): Reply | undefined {
  return receivedLines > hopsMax ? replies.tooManyHops : undefined;
}

function refused(reply: Reply & { readonly ok?: false }): {
  readonly kind: 'refused';
  readonly reply: Reply;
} {
  return { kind: 'refused', reply };
}
