/**
 * How envelopes, results and ledger lines are written in Redis: JSON with one-letter names and arrays, because a million
 * waiting messages hold a million of them. Read back into the types everybody else uses. Fields may be added; a meaning
 * once given to a letter is never changed.
 */
import { jobId, parseJobId } from '@mailwheel/envelope';
import type {
  DestinationKey,
  Envelope,
  FinalResult,
  FinalState,
  LedgerEntry,
  MessageId,
  NotifyCondition,
  Origin,
  Phase,
  Priority,
  Recipient,
} from '@mailwheel/envelope';

/** Address, place of its destination in `d`, NOTIFY as letters or 0, ORCPT. */
type ShortRecipient = readonly [string, number, (string | 0)?, string?];

interface ShortEnvelope {
  readonly n: number;
  readonly f: string;
  readonly d: readonly DestinationKey[];
  readonly r: readonly ShortRecipient[];
  readonly t?: 'FULL' | 'HDRS';
  readonly e?: string;
  readonly u?: 1;
  readonly b?: 1;
  readonly z: number;
  readonly p?: Priority;
  readonly a: number;
  readonly o: readonly [Origin['protocol'], string, number, string?];
  readonly s?: string;
  readonly m?: string;
  readonly x?: MessageId;
}

const notifyLetters = { NEVER: 'N', SUCCESS: 'S', FAILURE: 'F', DELAY: 'D' } as const satisfies Record<
  NotifyCondition,
  string
>;
const notifyByLetter: ReadonlyMap<string, NotifyCondition> = new Map(
  Object.entries(notifyLetters).map(([condition, letter]) => [letter, condition as NotifyCondition]),
);

/** Precondition: every recipient's `index` is its place in the list. */
export function writeEnvelope(envelope: Envelope): string {
  const destinations = new Map<DestinationKey, number>();
  const recipients = envelope.recipients.map((recipient, place): ShortRecipient => {
    if (recipient.index !== place) {
      throw new RangeError(`recipient ${recipient.index} stands at place ${place} of its envelope`);
    }
    const at = destinations.get(recipient.destination) ?? destinations.size;
    destinations.set(recipient.destination, at);
    const notify = recipient.notify?.map((condition) => notifyLetters[condition]).join('');
    if (recipient.originalRecipient !== undefined) {
      return [recipient.address, at, notify ?? 0, recipient.originalRecipient];
    }
    return notify === undefined ? [recipient.address, at] : [recipient.address, at, notify];
  });
  const { origin } = envelope;
  return JSON.stringify({
    n: envelope.messageNumber,
    f: envelope.reversePath,
    d: [...destinations.keys()],
    r: recipients,
    ...(envelope.ret !== undefined && { t: envelope.ret }),
    ...(envelope.envid !== undefined && { e: envelope.envid }),
    ...(envelope.smtpUtf8 && { u: 1 }),
    ...(envelope.body === '8BITMIME' && { b: 1 }),
    z: envelope.bodyBytes,
    ...(envelope.priority !== 'normal' && { p: envelope.priority }),
    a: envelope.acceptedAtMs,
    o: [
      origin.protocol,
      origin.clientAddress,
      origin.connectionNumber,
      ...(origin.principal === undefined ? [] : [origin.principal]),
    ],
    ...(envelope.subject !== undefined && { s: envelope.subject }),
    ...(envelope.headerMessageId !== undefined && { m: envelope.headerMessageId }),
    ...(envelope.bounceOf !== undefined && { x: envelope.bounceOf }),
  });
}

export function readEnvelope(messageId: MessageId, text: string): Envelope {
  const short = JSON.parse(text) as ShortEnvelope;
  const [protocol, clientAddress, connectionNumber, principal] = short.o;
  return {
    messageId,
    messageNumber: short.n,
    reversePath: short.f,
    recipients: short.r.map((recipient, index) => readRecipient(recipient, index, short.d)),
    ...(short.t !== undefined && { ret: short.t }),
    ...(short.e !== undefined && { envid: short.e }),
    smtpUtf8: short.u === 1,
    body: short.b === 1 ? '8BITMIME' : '7BIT',
    bodyBytes: short.z,
    priority: short.p ?? 'normal',
    acceptedAtMs: short.a,
    origin: { protocol, clientAddress, ...(principal !== undefined && { principal }), connectionNumber },
    ...(short.s !== undefined && { subject: short.s }),
    ...(short.m !== undefined && { headerMessageId: short.m }),
    ...(short.x !== undefined && { bounceOf: short.x }),
  };
}

function readRecipient(
  [address, at, notify, originalRecipient]: ShortRecipient,
  index: number,
  destinations: readonly DestinationKey[],
): Recipient {
  const destination = destinations[at];
  if (destination === undefined) throw new Error(`recipient ${index} names no destination of its envelope`);
  return {
    index,
    address,
    destination,
    ...(typeof notify === 'string' && {
      notify: notify.split('').flatMap((letter) => notifyByLetter.get(letter) ?? []),
    }),
    ...(originalRecipient !== undefined && { originalRecipient }),
  };
}

/** First letters; the scripts know that `b`, `e` and `q` can be reopened. `x`, because `d` is delivered. */
const stateLetters = {
  delivered: 'd',
  bounced: 'b',
  expired: 'e',
  quarantined: 'q',
  deleted: 'x',
} as const satisfies Record<FinalState, string>;
const stateByLetter: ReadonlyMap<string, FinalState> = new Map(
  Object.entries(stateLetters).map(([state, letter]) => [letter, state as FinalState]),
);
/** The body is kept for a while for these: somebody may want to send it again. */
const undeliveredStates: ReadonlySet<FinalState> = new Set(['bounced', 'expired', 'quarantined']);

export function keepsBody(state: FinalState): boolean {
  return undeliveredStates.has(state);
}

export function writeResult(result: FinalResult): string {
  const { host, reply } = result;
  const tail = reply !== undefined ? [host ?? null, reply] : host !== undefined ? [host] : [];
  return JSON.stringify([stateLetters[result.state], result.atMs, ...tail]);
}

export function readResult(text: string): FinalResult {
  const [letter, atMs, host, reply] = JSON.parse(text) as [string, number, (string | null)?, string?];
  const state = stateByLetter.get(letter);
  if (state === undefined) throw new Error(`a result is in no state we know: ${letter}`);
  return {
    state,
    atMs,
    ...(host !== undefined && host !== null && { host }),
    ...(reply !== undefined && { reply }),
  };
}

type ShortLedgerLine = readonly [
  number,
  number,
  number,
  string,
  number,
  Phase,
  LedgerEntry['outcome'],
  readonly number[],
  string,
  number,
];

export function writeLedgerLine(entry: LedgerEntry): string {
  const part = parseJobId(entry.jobId)?.part;
  if (part === undefined) throw new RangeError(`not a job id: ${entry.jobId}`);
  const line: ShortLedgerLine = [
    entry.atMs,
    part,
    entry.attempt,
    entry.host,
    entry.connectionNumber,
    entry.phase,
    entry.outcome,
    entry.recipients,
    entry.reply,
    entry.durationMs,
  ];
  return JSON.stringify(line);
}

/** `text`: lines as the ledger holds them, joined by commas. */
export function readLedgerLines(messageId: MessageId, text: string): LedgerEntry[] {
  const lines = JSON.parse(`[${text}]`) as ShortLedgerLine[];
  return lines.map(
    ([atMs, part, attempt, host, connectionNumber, phase, outcome, recipients, reply, durationMs]) => ({
      atMs,
      jobId: jobId(messageId, part),
      attempt,
      host,
      connectionNumber,
      phase,
      outcome,
      recipients,
      reply,
      durationMs,
    }),
  );
}
