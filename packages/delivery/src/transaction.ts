/**
 * One mail transaction on an open connection: MAIL, RCPT, DATA, body, final reply (RFC 5321 section 3.3), pipelined where the
 * host offers it (RFC 2920). A state machine: each reply moves it on, and everything it meets becomes a report.
 *
 * Steps, in order. `reset`: RSET was said because an earlier transaction failed. `mail`, `rcpt`, `data`: the reply to that
 * command is awaited; pipelined, all of them were said at once, and the replies of a transaction that already failed are
 * still read, so that the connection stays usable. `fence`: the host wants the body, and the caller is asked whether it may
 * still be sent. `body`: blocks are going out. `final`: the terminator was handed to the socket; from here on nothing is
 * aborted. `void`: the host wanted a body though it had refused every recipient; an empty one was sent. `over`: reported.
 */
import { printable, type Phase } from '@mailwheel/envelope';
import { parseReply, replyClass, type Happening, type Reply, type Trouble } from '@mailwheel/verdict';
import { stuffed, terminator } from './body-sender.ts';
import { mailCommand, objection, rcptCommand } from './commands.ts';
import type { ConnectionUser, HostConnection } from './connection.ts';
import { bodyBlockBytes, type DeliveryTimeouts } from './options.ts';
import type { TransactionReport, TransactionRequest } from './types.ts';

type Step = 'reset' | 'mail' | 'rcpt' | 'data' | 'fence' | 'body' | 'final' | 'void' | 'over';

const phaseOf = {
  reset: 'mail',
  mail: 'mail',
  rcpt: 'rcpt',
  data: 'data',
  fence: 'body',
  body: 'body',
  final: 'final',
  void: 'rcpt',
  over: 'final',
} as const satisfies Record<Step, Phase>;

/** What did not come in time. */
const waitedFor = {
  reset: 'no reply to RSET in time',
  mail: 'no reply to MAIL in time',
  rcpt: 'no reply to RCPT in time',
  data: 'no reply to DATA in time',
  fence: 'it was not known in time whether the message may still be sent',
  body: 'the host does not take the message',
  final: 'no reply after the message in time',
  void: 'no reply after an empty message in time',
  over: '',
} as const satisfies Record<Step, string>;

const answersUnread = 'the host answers the message before it has it';
/** Of what a host said out of turn, this much is shown. */
const shownMax = 100;

/** The part of a report that a transaction knows. */
export type TransactionOutcome = Pick<TransactionReport, 'accepted' | 'refused' | 'fenced' | 'phase'> & {
  readonly happening?: Happening;
};

export interface TransactionContext {
  readonly connection: HostConnection;
  readonly request: TransactionRequest;
  /** The connection had carried an earlier transaction. */
  readonly reused: boolean;
  readonly timeouts: DeliveryTimeouts;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Called once, at the end. `keep`: the connection can carry another transaction. */
  readonly finish: (outcome: TransactionOutcome, keep: boolean) => void;
}

export class Transaction implements ConnectionUser {
  readonly #context: TransactionContext;
  readonly #pipelined: boolean;
  #step: Step = 'mail';
  /** Replies of this transaction so far. */
  #replies = 0;
  /** Index of the recipient whose reply is awaited. */
  #rcptAt = 0;
  readonly #accepted: number[] = [];
  readonly #refused: { readonly index: number; readonly happening: Happening }[] = [];
  /** MAIL was refused; the rest of the pipelined replies is only read. */
  #happening: Happening | undefined;

  constructor(context: TransactionContext) {
    this.#context = context;
    this.#pipelined = context.connection.facts.extensions.pipelining && !context.request.withoutPipelining;
  }

  start(): void {
    const { connection, request } = this.#context;
    const { extensions } = connection.facts;
    const objected = objection(request, extensions);
    if (objected !== undefined) {
      const happening = this.#trouble(objected.trouble, objected.detail);
      return this.#end({ ...happening, firstCommand: false }, { keep: true });
    }
    connection.transactions += 1;
    connection.use(this);
    this.#step = connection.needsReset ? 'reset' : 'mail';
    let commands = connection.needsReset ? 'RSET\r\n' : '';
    // Until it is known how this one ends, the next would have to reset.
    connection.needsReset = true;
    if (this.#pipelined) {
      commands += mailCommand(request, extensions);
      for (const recipient of request.recipients) commands += rcptCommand(recipient, extensions);
      commands += 'DATA\r\n';
    } else if (this.#step === 'mail') commands = mailCommand(request, extensions);
    this.#wait(this.#context.timeouts.commandMs);
    connection.send(commands);
  }

  reply(text: string, more: boolean): void {
    this.#replies += 1;
    switch (this.#step) {
      case 'reset':
        return this.#resetReply(text);
      case 'mail':
        return classOf(text) === 2 ? this.#mailTaken() : this.#mailRefused(text);
      case 'rcpt':
        return this.#rcptReply(text);
      case 'data':
        return this.#dataReply(text, more);
      case 'fence':
      case 'body':
        return this.#early(text);
      case 'final':
        return this.#finalReply(text);
      case 'void':
        return this.#end(undefined, { keep: true, reset: false });
      case 'over':
    }
  }

  lost(detail: string): void {
    this.#broken('lost', detail);
  }

  outOfStep(detail: string): void {
    this.#broken('out-of-step', detail);
  }

  expired(): void {
    const { connection, request, now } = this.#context;
    const late = this.#step !== 'final' && now() >= request.deadlineMs;
    connection.destroy();
    this.#broken('timeout', late ? 'the time of the attempt is over' : waitedFor[this.#step]);
  }

  #broken(trouble: Trouble, detail: string): void {
    if (this.#step === 'over') return;
    // What was said before stands: a refused transaction does not become a lost one because the rest did not come.
    if (this.#happening !== undefined || this.#everyoneRefused())
      return this.#end(this.#happening, { keep: false });
    this.#end(this.#trouble(trouble, detail), { keep: false });
  }

  #resetReply(text: string): void {
    if (classOf(text) !== 2) {
      // The connection was no good before this transaction began: the same as found dead (row 5).
      const happening = this.#trouble('lost', `RSET was answered: ${printable(text, shownMax)}`);
      return this.#end({ ...happening, firstCommand: true }, { keep: false });
    }
    this.#step = 'mail';
    this.#wait(this.#context.timeouts.commandMs);
    if (!this.#pipelined) this.#send(mailCommand(this.#context.request, this.#extensions));
  }

  #mailRefused(text: string): void {
    const reply = parseReply(text);
    const happening = this.#answered(reply, text);
    if (!isRefusal(reply) || reply.code === 421) return this.#end(happening, { keep: false });
    if (!this.#pipelined) return this.#end(happening, { keep: true, reset: false });
    this.#happening = happening;
    this.#toRcpt();
  }

  #mailTaken(): void {
    this.#toRcpt();
    if (!this.#pipelined) this.#sendRcpt();
  }

  #toRcpt(): void {
    this.#step = 'rcpt';
    this.#wait(this.#context.timeouts.commandMs);
  }

  #rcptReply(text: string): void {
    if (this.#happening !== undefined) {
      if (text.startsWith('421')) return this.#end(this.#happening, { keep: false });
    } else {
      const { index } = this.#context.request.recipients[this.#rcptAt]!;
      if (classOf(text) === 2) this.#accepted.push(index);
      else {
        const reply = parseReply(text);
        const happening = this.#answered(reply, text);
        if (!isRefusal(reply) || reply.code === 421) return this.#end(happening, { keep: false });
        this.#refused.push({ index, happening });
      }
    }
    this.#rcptAt += 1;
    this.#afterRcpt();
  }

  #afterRcpt(): void {
    const { request, timeouts } = this.#context;
    if (this.#rcptAt < request.recipients.length) {
      this.#wait(timeouts.commandMs);
      if (!this.#pipelined) this.#sendRcpt();
      return;
    }
    if (!this.#pipelined && this.#accepted.length === 0) return this.#end(undefined, { keep: true });
    this.#step = 'data';
    this.#wait(timeouts.dataMs);
    if (!this.#pipelined) this.#send('DATA\r\n');
  }

  #dataReply(text: string, more: boolean): void {
    const wanted = classOf(text) === 3;
    if (this.#happening !== undefined) {
      // A host that refused the sender and wants the message all the same is not to be trusted with an empty one.
      return this.#end(this.#happening, { keep: !wanted && !text.startsWith('421'), reset: false });
    }
    if (this.#everyoneRefused()) {
      if (!wanted) return this.#end(undefined, { keep: !text.startsWith('421') });
      this.#step = 'void';
      this.#wait(this.#context.timeouts.finalReplyMs);
      return this.#send('.\r\n');
    }
    // Replies that are one ahead would have the message accepted, or another one's refusal taken for its own, unread.
    if (wanted && more) return this.#end(this.#trouble('out-of-step', answersUnread), { keep: false });
    if (wanted) return this.#askFence(() => this.#sendBody());
    const reply = parseReply(text);
    const happening = this.#answered(reply, text);
    this.#end(happening, { keep: isRefusal(reply) && reply.code !== 421 });
  }

  #askFence(then: () => void): void {
    this.#step = 'fence';
    this.#wait(this.#context.timeouts.bodyBlockMs);
    let answer: boolean | Promise<boolean>;
    try {
      answer = this.#context.request.fence();
    } catch {
      answer = false;
    }
    if (typeof answer === 'boolean') return this.#fenceAnswered(answer, then);
    void answer.then(
      (open) => this.#fenceAnswered(open, then),
      () => this.#fenceAnswered(false, then),
    );
  }

  #fenceAnswered(open: boolean, then: () => void): void {
    // Lost, expired or interrupted while the question was out.
    if (this.#step !== 'fence') return;
    if (open) return then();
    this.#end(undefined, { keep: false, fenced: true });
  }

  #sendBody(): void {
    const { body } = this.#context.request;
    this.#step = 'body';
    this.#sendBlocks(stuffed(body), 0);
  }

  /**
   * Blocks one after the other, each with its own limit; the last one leaves together with the terminator. A body of several
   * blocks takes as long as the host likes, and this process may be stopped meanwhile: the fence is asked once more before
   * the last block, for without the terminator the host has nothing.
   */
  #sendBlocks(wire: Buffer, from: number): void {
    if (this.#step !== 'body') return;
    const { connection, timeouts } = this.#context;
    if (wire.length - from > bodyBlockBytes) {
      const to = from + bodyBlockBytes;
      this.#wait(timeouts.bodyBlockMs);
      return connection.sendBlock(wire.subarray(from, to), () => this.#sendBlocks(wire, to));
    }
    if (from === 0) return this.#sendLast(wire);
    this.#askFence(() => this.#sendLast(wire.subarray(from)));
  }

  #sendLast(block: Buffer): void {
    const { connection, request, timeouts, now } = this.#context;
    this.#step = 'final';
    // Not cut by the deadline: giving up here would leave the outcome unknown for no gain.
    connection.waitUntil(now() + timeouts.finalReplyMs);
    connection.sendTogether(block, terminator(request.body));
  }

  /** The host answers before it has the whole body: that is its answer, and the connection is out of step. */
  #early(text: string): void {
    this.#end(this.#answered(parseReply(text), text), { keep: false });
  }

  #finalReply(text: string): void {
    const reply = parseReply(text);
    if (reply === undefined || !(isRefusal(reply) || replyClass(reply) === 2)) {
      return this.#end(this.#answered(reply, text), { keep: false });
    }
    const keep = reply.code !== 421;
    if (isRefusal(reply)) return this.#end(this.#answered(reply, text), { keep, reset: false });
    this.#end(undefined, { keep, reset: false, taken: reply });
  }

  #everyoneRefused(): boolean {
    return (
      this.#accepted.length === 0 &&
      this.#rcptAt > 0 &&
      this.#rcptAt === this.#context.request.recipients.length
    );
  }

  #end(
    happening: Happening | undefined,
    how: { keep: boolean; reset?: boolean; fenced?: true; taken?: Reply },
  ): void {
    const { connection, finish } = this.#context;
    const phase = happening?.phase ?? (this.#everyoneRefused() ? 'rcpt' : phaseOf[this.#step]);
    this.#step = 'over';
    if (how.reset !== undefined) connection.needsReset = how.reset;
    const { taken } = how;
    const accepted = taken === undefined ? [] : this.#accepted.map((index) => ({ index, reply: taken }));
    const outcome = { accepted, refused: this.#refused, fenced: how.fenced === true, phase };
    finish(happening === undefined ? outcome : { ...outcome, happening }, how.keep && connection.usable);
  }

  #answered(reply: Reply | undefined, text: string): Happening {
    if (reply !== undefined) return this.#happened({ kind: 'reply', reply });
    return this.#trouble('out-of-step', `not an SMTP reply: ${printable(text, shownMax)}`);
  }

  #trouble(trouble: Trouble, detail: string): Happening {
    return this.#happened({ kind: 'trouble', trouble, detail });
  }

  #happened(cause: Happening['cause']): Happening {
    return {
      phase: phaseOf[this.#step],
      cause,
      reused: this.#context.reused,
      // For a reply it was counted already; for a loss the one that is missing is meant.
      firstCommand: this.#replies === (cause.kind === 'reply' ? 1 : 0),
      rcptAccepted: this.#accepted.length > 0,
      terminatorSent: this.#step === 'final',
      sameHostRetried: false,
    };
  }

  get #extensions(): HostConnection['facts']['extensions'] {
    return this.#context.connection.facts.extensions;
  }

  #send(commands: string): void {
    this.#context.connection.send(commands);
  }

  #sendRcpt(): void {
    this.#send(rcptCommand(this.#context.request.recipients[this.#rcptAt]!, this.#extensions));
  }

  #wait(ms: number): void {
    const { connection, request, now } = this.#context;
    connection.waitUntil(Math.min(now() + ms, request.deadlineMs));
  }
}

/**
 * First digit of the basic code, 0 if it is no reply. One line with a good code, the common case, is not taken apart: nobody
 * looks at the text of a positive reply to MAIL or RCPT.
 */
function classOf(text: string): number {
  if (/^[2-5]\d\d(?: |$)/.test(text) && !text.includes('\n')) return text.charCodeAt(0) - 0x30;
  const reply = parseReply(text);
  return reply === undefined ? 0 : replyClass(reply);
}

function isRefusal(reply: Reply | undefined): reply is Reply {
  return reply !== undefined && replyClass(reply) >= 4;
}
