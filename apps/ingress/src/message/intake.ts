/**
 * From a message that has been read to the store's answer, for SMTP and HTTP alike: judged by its content and its hops,
 * given an id and a trace line, handed to the acceptor. Nothing is answered before the acceptor has spoken.
 */
import type { Acceptance, Acceptor, NewEnvelope, Submission } from '@mailwheel/accept';
import {
  createMessageId,
  messageIdRandomBytes,
  shardOf,
  type MessageId,
  type Origin,
  type Recipient,
} from '@mailwheel/envelope';
import { randomFillSync } from 'node:crypto';
import type { Report } from '../events.ts';
import { judgeHops } from '../smtp/policy.ts';
import { replyToAcceptance, type Reply } from '../smtp/reply.ts';
import type { BodyBuffer } from './body-buffer.ts';
import { scanHeader, type HeaderFacts } from './header-scan.ts';
import { receivedLine, type TraceFacts } from './received.ts';

export interface IntakeOptions {
  readonly acceptor: Acceptor;
  readonly hostname: string;
  readonly hopsMax: number;
  readonly shards: number;
  readonly report: Report;
  /** Wall clock, for the trace line. */
  readonly nowMs: () => number;
  /** Monotonic, for durations. */
  readonly elapsedMs: () => number;
}

/** A message read whole, its content already judged fit (`judgeContent`). */
export interface Incoming {
  readonly reversePath: string;
  readonly recipients: readonly Recipient[];
  readonly ret?: 'FULL' | 'HDRS';
  readonly envid?: string;
  readonly smtpUtf8: boolean;
  readonly body: '7BIT' | '8BITMIME';
  readonly content: BodyBuffer;
  readonly origin: Origin;
  readonly trace: Pick<TraceFacts, 'protocol' | 'heloName'>;
  readonly idempotency?: Submission['idempotency'];
  /** Overrides the header field of the same meaning (JSON `priority`). */
  readonly priority?: HeaderFacts['priority'];
}

/** The reply, and the store's answer behind it if it was asked. */
export interface IntakeResult {
  readonly reply: Reply;
  readonly acceptance?: Acceptance;
}

export type Intake = (incoming: Incoming) => Promise<IntakeResult>;

/**
 * Larger messages are stored one at a time. While it is stored a body exists three times (ours, Redis's client's copy, and
 * what that put together to write); the acceptor writes them one after the other anyway.
 */
const largeBytes = 1024 * 1024;

class OneAtATime {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result;
    return result;
  }
}

/** Makes the one function through which mail comes in. */
export function createIntake(options: IntakeOptions): Intake {
  const largeOnes = new OneAtATime();
  return async (incoming) => {
    const startedMs = options.elapsedMs();
    const facts = scanHeader(incoming.content.head());
    const loop = judgeHops(facts.receivedLines, options.hopsMax);
    if (loop !== undefined) return { reply: loop };
    // The id it is stored under, and that its trace line names; a repeated request takes over that of an earlier one.
    let messageId = newMessageId(incoming.recipients, options.shards);
    let bodyBytes = 0;
    const bodyUnder = (id: MessageId): Buffer => {
      messageId = id;
      const body = incoming.content.withTrace(traceLine(incoming, id, options));
      bodyBytes = body.length;
      return body;
    };
    const store = async (): Promise<Acceptance> => {
      const body = bodyUnder(messageId);
      const envelope = newEnvelope(incoming, facts);
      const { idempotency } = incoming;
      return ask(options.acceptor, {
        envelope,
        body,
        bodyUnder,
        messageId,
        freshId: true,
        ...(idempotency === undefined ? {} : { idempotency }),
      });
    };
    const { acceptor } = options;
    const isLarge = incoming.content.bytes > largeBytes;
    const acceptance = isLarge
      ? await largeOnes.run(async () => refusedMeanwhile(acceptor) ?? store())
      : await store();
    report(options, { incoming, facts, acceptance, messageId, bodyBytes, startedMs });
    return { reply: replyToAcceptance(acceptance), acceptance };
  };
}

/** For those that waited for their turn: while Redis hangs each of them would wait for its time-out, one after the other. */
function refusedMeanwhile(acceptor: Acceptor): Acceptance | undefined {
  const admission = acceptor.admission();
  return admission.kind === 'unavailable' ? admission : undefined;
}

/** An acceptor answers, it does not throw; if it does, what was written is unknown. */
async function ask(acceptor: Acceptor, submission: Submission): Promise<Acceptance> {
  try {
    return await acceptor.accept(submission);
  } catch (error) {
    return { kind: 'unknown', reason: 'the acceptor failed', cause: error };
  }
}

function newEnvelope(incoming: Incoming, facts: HeaderFacts): NewEnvelope {
  const { reversePath, recipients, ret, envid, smtpUtf8, body, origin } = incoming;
  const { subject, headerMessageId } = facts;
  return {
    reversePath,
    recipients,
    ...(ret === undefined ? {} : { ret }),
    ...(envid === undefined ? {} : { envid }),
    smtpUtf8,
    body,
    priority: incoming.priority ?? facts.priority,
    origin,
    ...(subject === undefined ? {} : { subject }),
    ...(headerMessageId === undefined ? {} : { headerMessageId }),
  };
}

function traceLine(incoming: Incoming, messageId: MessageId, options: IntakeOptions): string {
  const [only, ...others] = incoming.recipients;
  return receivedLine({
    ...incoming.trace,
    clientAddress: incoming.origin.clientAddress,
    hostname: options.hostname,
    messageId,
    ...(only === undefined || others.length > 0 ? {} : { recipient: only.address }),
    atMs: options.nowMs(),
  });
}

interface Asked {
  readonly incoming: Incoming;
  readonly facts: HeaderFacts;
  readonly acceptance: Acceptance;
  readonly messageId: MessageId;
  readonly bodyBytes: number;
  readonly startedMs: number;
}

function report(options: IntakeOptions, asked: Asked): void {
  const { incoming, acceptance, facts } = asked;
  const protocol = incoming.origin.protocol === 'http' ? 'http' : 'smtp';
  if (acceptance.kind === 'unknown') {
    const { reason, cause } = acceptance;
    options.report({ kind: 'accept-unknown', protocol, messageId: asked.messageId, reason, cause });
  }
  if (acceptance.kind !== 'accepted') return;
  options.report({
    kind: 'accepted',
    message: {
      protocol,
      messageId: acceptance.messageId,
      messageNumber: acceptance.messageNumber,
      connectionNumber: incoming.origin.connectionNumber,
      clientAddress: incoming.origin.clientAddress,
      reversePath: incoming.reversePath,
      recipients: incoming.recipients,
      bodyBytes: asked.bodyBytes,
      ...(facts.subject === undefined ? {} : { subject: facts.subject }),
      ...(facts.headerMessageId === undefined ? {} : { headerMessageId: facts.headerMessageId }),
      durationMs: options.elapsedMs() - asked.startedMs,
      repeated: acceptance.repeated,
    },
  });
}

/** Ids are drawn from a pool: one call to the system's generator for a few hundred messages. */
const pool = Buffer.alloc(messageIdRandomBytes * 256);
let poolAt = pool.length;

function newMessageId(recipients: readonly Recipient[], shards: number): MessageId {
  const first = recipients[0];
  if (first === undefined) throw new Error('a message without a recipient cannot be taken in');
  if (poolAt === pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const random = pool.subarray(poolAt, poolAt + messageIdRandomBytes);
  poolAt += messageIdRandomBytes;
  return createMessageId(random, shardOf(first.destination, shards));
}
