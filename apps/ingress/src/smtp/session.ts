/**
 * One SMTP session: smtp-server's connection with our commands. What may happen is decided in `policy.ts`; here it is
 * carried out. Overridden is what the library does differently than a relay must: the greeting wait, MAIL, RCPT and DATA
 * (it rewrites addresses and drops parameters), the choice of enhanced codes, and the time-out while we are the slow side.
 */
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import type { SMTPServer } from 'smtp-server';
import type { Socket } from 'node:net';
import type { Report } from '../events.ts';
import type { BodyBudget } from '../message/bodies-in-flight.ts';
import { BodyBuffer } from '../message/body-buffer.ts';
import { DataReader } from '../message/data-reader.ts';
import type { Incoming, Intake } from '../message/intake.ts';
import { CommandStream, type DataPhase } from './command-stream.ts';
import type { ConnectionCounts } from './connection-counts.ts';
import * as policy from './policy.ts';
import { messageTooLarge, replies, type Reply } from './reply.ts';
import { withoutMapping, type TrustedNetworks } from './trusted-networks.ts';

/** How long a stranger must wait for the greeting; who talks before it is no mail server. */
const strangerGreetingWaitMs = 100;
/** How long a stranger may stay, however busy he looks: his connections count against `connectionsMax` too. */
const strangerSessionMsMax = 60_000;
/** Commands a stranger may send before he is shown out: he may not relay, so there is little to say. */
const strangerCommandsMax = 100;
/** A message this many times above the size limit is not read to its end. */
const oversizeFactorMax = 4;
/** Of a refused command, for the log. */
const aboutCharactersMax = 300;

export interface SessionRules {
  readonly limits: policy.SmtpLimits;
  readonly bareNewline: 'reject' | 'normalise';
  /** From the greeting, or the end of one transaction, to the end of the next. */
  readonly transactionMsMax: number;
  readonly hostname: string;
  readonly trusted: TrustedNetworks;
  readonly literalAllowed: policy.RecipientContext['literalAllowed'];
  readonly admission: () => policy.Admission;
  readonly budget: BodyBudget;
  readonly intake: Intake;
  /** Numbers for the log (ICID); may fail when Redis is away. */
  readonly nextConnectionNumber: () => Promise<number>;
  readonly report: Report;
}

/** What a session shares with its listener. */
export interface SessionHost extends SMTPServer {
  readonly rules: SessionRules;
  readonly counts: ConnectionCounts;
  readonly draining: boolean;
}

type Phase = Extract<Parameters<Report>[0], { kind: 'refused' }>['phase'];

export class SmtpSession extends SMTPConnection {
  readonly #host: SessionHost;
  readonly #address: string;
  readonly #trusted: boolean;
  /** ICID of the logs; 0 until (or unless) Redis has given one. */
  #number = 0;
  /** Settles when the number is known or will not come. */
  #numbered: Promise<void> = Promise.resolve();
  #counted = false;
  #transaction: policy.Transaction | undefined;
  /** From 354 to the terminator. */
  #data: DataPhase | undefined;
  /** From the terminator to the reply. */
  #deciding = false;
  #strangerCommands = 0;
  /** Ends a client that trickles: each octet starts the idle time anew, nothing but a whole transaction starts this. */
  #overrun: NodeJS.Timeout | undefined;
  #corked = false;

  constructor(host: SessionHost, socket: Socket, options?: SMTPConnectionOptions | null) {
    super(host, socket, options);
    this.#host = host;
    this.#address = withoutMapping(this.remoteAddress);
    this.#trusted = host.rules.trusted(this.#address);
  }

  /** Nothing is under way that a drain should wait for. */
  get isIdle(): boolean {
    return this.#transaction === undefined && !this.#deciding;
  }

  /** Says 421 and closes, unless the store is about to decide: that reply comes first, and 421 after it. */
  shutDown(): void {
    if (!this.#deciding) this.reply(replies.shuttingDown);
  }

  reply(reply: Reply): void {
    this.send(reply.code, reply.text, reply.enhancedCode ?? false);
  }

  /** Replies to pipelined commands leave in one segment: the socket is uncorked when the current turn ends. */
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    if (!this.#corked) {
      this.#corked = true;
      const socket = this._socket;
      socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    super.send(code, data, context);
  }

  /** Our replies bring their own code; the library's choice stands for its own. */
  override _getEnhancedStatusCode(code: number, context?: string | false): string {
    const own = typeof context === 'string' && /^\d\.\d+\.\d+$/.test(context);
    return own ? context : super._getEnhancedStatusCode(code, context);
  }

  override _createParser(): CommandStream {
    const parser = new CommandStream({ maxCommandLength: this._server.options.maxCommandLength });
    parser.oncommand = (command, callback) => this._onCommand(command, callback);
    parser.on('error', (error) => this.send(421, error.message));
    return parser;
  }

  /** As the library's, but a trusted client is greeted at once: it has its address to prove itself with. */
  override init(): void {
    this._setListeners(() => {
      const counts = this.#host.counts.enter(this.#address);
      this.#counted = true;
      const { rules, draining } = this.#host;
      const refusal = draining ? replies.shuttingDown : policy.judgeConnection(counts, rules.limits);
      if (refusal !== undefined) {
        // Not counted any longer, though the client may take its time to go: a flood would keep others out.
        this.#leave();
        this.#refuse('connect', refusal);
        return;
      }
      this.#numbered = this.#takeNumber();
      const { transactionMsMax } = rules;
      const limitMs = this.#trusted ? transactionMsMax : Math.min(transactionMsMax, strangerSessionMsMax);
      this.#overrun = setTimeout(() => this.#takesTooLong(), limitMs).unref();
      if (this.#trusted) this.connectionReady();
      else setTimeout(() => this.connectionReady(), strangerGreetingWaitMs).unref();
    });
  }

  override _onCommand(command: Buffer, callback?: () => void): void {
    if (this.#host.draining && this.isIdle) this.reply(replies.shuttingDown);
    else if (!this.#trusted && ++this.#strangerCommands > strangerCommandsMax) {
      this.reply(replies.tooManyCommands);
    } else super._onCommand(command, callback);
  }

  override _onTimeout(): void {
    if (this.#owesNothing && !this._closing) this._armTimeout();
    else super._onTimeout();
  }

  /** The client waits for us: while the store decides, or while the budget for bodies holds it up. */
  get #owesNothing(): boolean {
    const parser = this._parser;
    return this.#deciding || (parser instanceof CommandStream && parser.waitsForMemory);
  }

  #takesTooLong(): void {
    if (this.#owesNothing) this.#overrun?.refresh();
    else this.#refuse(this.#data === undefined ? 'connect' : 'message', replies.takesTooLong);
  }

  override _onClose(): void {
    super._onClose();
    clearTimeout(this.#overrun);
    this.#data?.buffer.discard();
    this.#data?.hold.release();
    this.#data = undefined;
    if (!this.#leave()) return;
    void this.#numbered.then(() =>
      this.#host.rules.report({ kind: 'disconnected', connectionNumber: this.#number }),
    );
  }

  /** EHLO, HELO, RSET and the end of a transaction. */
  override _resetSession(): void {
    super._resetSession();
    this.#transaction = undefined;
  }

  override handler_MAIL(line: Buffer, callback: () => void): void {
    const { limits, admission } = this.#host.rules;
    if (this.#transaction !== undefined) this.#refuse('mail', replies.nestedMail, line);
    else {
      const judged = policy.judgeMail(line, { limits, admission: admission() });
      if (judged.kind === 'refused') this.#refuse('mail', judged.reply, line);
      else {
        this.#transaction = judged.value;
        this.reply(replies.senderOk);
      }
    }
    callback();
  }

  override handler_RCPT(line: Buffer, callback: () => void): void {
    const { limits, hostname, literalAllowed } = this.#host.rules;
    if (this.#transaction === undefined) this.#refuse('rcpt', replies.needMail, line);
    else {
      const context = { limits, hostname, literalAllowed, trusted: this.#trusted };
      const judged = policy.judgeRecipient(line, this.#transaction, context);
      if (judged.kind === 'refused') this.#refuse('rcpt', judged.reply, line);
      else {
        policy.addRecipient(this.#transaction, judged.value);
        this.reply(replies.recipientOk);
      }
    }
    callback();
  }

  override handler_DATA(line: Buffer, callback: () => void): void {
    const transaction = this.#transaction;
    const parser = this._parser;
    const refusal = policy.judgeData(line, transaction, this.#host.rules.admission());
    if (refusal !== undefined || transaction === undefined) {
      this.#refuse('data', refusal ?? replies.needMail, line);
    } else if (parser instanceof CommandStream) {
      this.#data = this.#dataPhase(parser, transaction);
      parser.startData(this.#data);
      this.reply(replies.startData);
    }
    callback();
  }

  /** RFC 3030 is not offered. The octets that follow would be read as commands, so the session ends here. */
  handler_BDAT(line: Buffer, callback: () => void): void {
    this.#refuse('data', replies.chunkingNotOffered, line);
    this.close();
    callback();
  }

  #dataPhase(parser: CommandStream, transaction: policy.Transaction): DataPhase {
    const { limits, bareNewline, budget } = this.#host.rules;
    const { messageBytesMax } = limits;
    const reader = new DataReader({ normalise: bareNewline === 'normalise' });
    const buffer = new BodyBuffer({ bytesMax: messageBytesMax });
    return {
      reader,
      buffer,
      hold: budget.open(() => this.#refuse('message', replies.tooSlow)),
      isLost: () => {
        if (buffer.bytes > oversizeFactorMax * messageBytesMax) {
          this.#refuse('message', messageTooLarge(messageBytesMax));
          this.close();
        }
        return this.#contentRefusal(reader, buffer) !== undefined;
      },
      onEnd: () => {
        void this.#decide(parser, transaction);
      },
    };
  }

  #contentRefusal(reader: DataReader, buffer: BodyBuffer): Reply | undefined {
    const { limits, bareNewline } = this.#host.rules;
    return policy.judgeContent(
      { bytes: buffer.bytes, bareNewline: reader.bareNewline, nulOctet: reader.nulOctet },
      { messageBytesMax: limits.messageBytesMax, bareNewline },
    );
  }

  /** The message is in: judge it, have it stored, and only then answer. */
  async #decide(parser: CommandStream, transaction: policy.Transaction): Promise<void> {
    const phase = this.#data;
    if (phase === undefined) throw new Error('the end of data without a data phase');
    this.#data = undefined;
    this.#deciding = true;
    const reply = await this.#store(phase, transaction);
    // Answered 4xx, Redis's client may still hold on to it: its memory is left to the collector.
    if (reply.code < 400 || reply.code >= 500) phase.buffer.discard();
    phase.hold.release();
    this.#deciding = false;
    this.#overrun?.refresh();
    this._transactionCounter++;
    this._unrecognizedCommands = 0;
    this._resetSession();
    if (reply.code >= 400) this.#refuse('message', reply);
    else this.reply(reply);
    if (this.#host.draining) this.reply(replies.shuttingDown);
    else parser.resumeCommands();
  }

  async #store(phase: DataPhase, transaction: policy.Transaction): Promise<Reply> {
    const refusal = this.#contentRefusal(phase.reader, phase.buffer);
    if (refusal !== undefined) return refusal;
    try {
      return (await this.#host.rules.intake(this.#incoming(phase.buffer, transaction))).reply;
    } catch (error) {
      this.#host.rules.report({ kind: 'fault', where: 'smtp intake', error: asError(error) });
      return replies.unavailable;
    }
  }

  #incoming(content: BodyBuffer, transaction: policy.Transaction): Incoming {
    const { reversePath, smtpUtf8, body, ret, envid, recipients } = transaction;
    const extended = this.openingCommand === 'EHLO';
    const heloName = this.hostNameAppearsAs === false ? undefined : this.hostNameAppearsAs;
    const base = smtpUtf8 ? 'UTF8SMTP' : extended ? 'ESMTP' : 'SMTP';
    return {
      reversePath,
      recipients: [...recipients.values()],
      ...(ret === undefined ? {} : { ret }),
      ...(envid === undefined ? {} : { envid }),
      smtpUtf8,
      body,
      content,
      origin: { protocol: 'smtp', clientAddress: this.#address, connectionNumber: this.#number },
      trace: {
        protocol: this.secure && base !== 'SMTP' ? `${base}S` : base,
        ...(heloName === undefined ? {} : { heloName }),
      },
    };
  }

  async #takeNumber(): Promise<void> {
    const { nextConnectionNumber, report } = this.#host.rules;
    try {
      this.#number = await nextConnectionNumber();
    } catch {
      // Redis is away: the session is served (it will get 451 at MAIL) and logged without a number.
      this.#number = 0;
    }
    report({
      kind: 'connected',
      connectionNumber: this.#number,
      localAddress: withoutMapping(this.localAddress),
      clientAddress: this.#address,
    });
  }

  /** Takes the connection out of the counts; false: it was not in them. */
  #leave(): boolean {
    const wasCounted = this.#counted;
    this.#counted = false;
    if (wasCounted) this.#host.counts.leave(this.#address);
    return wasCounted;
  }

  #refuse(phase: Phase, reply: Reply, line?: Buffer): void {
    this.reply(reply);
    this.#host.rules.report({
      kind: 'refused',
      protocol: 'smtp',
      phase,
      connectionNumber: this.#number,
      clientAddress: this.#address,
      reply,
      ...(line === undefined ? {} : { about: line.toString('utf8', 0, aboutCharactersMax) }),
    });
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
