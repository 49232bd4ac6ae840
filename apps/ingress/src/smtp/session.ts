/**
 * One SMTP session: a client's connection with our commands. What may happen is decided in `policy.ts`; here it is
 * carried out. Overridden is what the library does differently than a relay must: MAIL, RCPT and DATA (it rewrites addresses
 * and drops parameters) and AUTH (it takes half-empty credentials, and answers at once).
 */
import { BodyBuffer } from '../message/body-buffer.ts';
import { DataReader } from '../message/data-reader.ts';
import type { Incoming } from '../message/intake.ts';
import { traceProtocol } from '../message/received.ts';
import { ClientConnection } from './client-connection.ts';
import { CommandStream, type DataPhase } from './command-stream.ts';
import { Login } from './login.ts';
import * as policy from './policy.ts';
import { messageTooLarge, replies, type Reply } from './reply.ts';

/** Commands a stranger may send before he is shown out: he may not relay, so there is little to say. */
const strangerCommandsMax = 100;
/** A message this many times above the size limit is not read to its end. */
const oversizeFactorMax = 4;

export class SmtpSession extends ClientConnection {
  #transaction: policy.Transaction | undefined;
  /** From 354 to the terminator. */
  #data: DataPhase | undefined;
  /** From the terminator to the reply. */
  #deciding = false;
  #strangerCommands = 0;
  /** EHLO is being answered. */
  #announcing = false;

  /** Nothing is under way that a drain should wait for. */
  get isIdle(): boolean {
    return this.#transaction === undefined && !this.#deciding;
  }

  /** Says 421 and closes, unless the store is about to decide: that reply comes first, and 421 after it. */
  shutDown(): void {
    if (!this.#deciding) this.reply(replies.shuttingDown);
  }

  protected override get incomingBytes(): number | undefined {
    return this.#data?.buffer.bytes;
  }

  /** While the store decides, or while the budget for bodies holds the client up. */
  protected override get owesNothing(): boolean {
    const parser = this._parser;
    return this.#deciding || (parser instanceof CommandStream && parser.waitsForMemory);
  }

  override _onCommand(command: Buffer, callback?: () => void): void {
    this.patience.commandCame();
    if (this.host.draining && this.isIdle) this.reply(replies.shuttingDown);
    else if (!this.standing.relays && ++this.#strangerCommands > strangerCommandsMax) {
      this.reply(replies.tooManyCommands);
    } else super._onCommand(command, callback);
  }

  override _onClose(): void {
    super._onClose();
    this.#data?.buffer.discard();
    this.#data?.hold.release();
    this.#data = undefined;
  }

  /** EHLO, HELO, RSET and the end of a transaction. */
  override _resetSession(): void {
    super._resetSession();
    this.#transaction = undefined;
  }

  /** AUTH is announced under TLS only, and until it succeeds; said at another time, it gets its reason. */
  override _isSupported(command: string): boolean {
    if (command !== 'AUTH') return super._isSupported(command);
    if (this.host.rules.users === undefined) return false;
    return !this.#announcing || (this.secure && this.standing.userName === undefined);
  }

  override handler_EHLO(line: Buffer, callback: () => void): void {
    this.#announcing = true;
    super.handler_EHLO(line, callback);
    this.#announcing = false;
  }

  override handler_AUTH(line: Buffer, callback: () => void): void {
    const { users } = this.host.rules;
    const refusal = policy.judgeAuth({
      secure: this.secure,
      loggedIn: this.standing.userName !== undefined,
      inTransaction: this.#transaction !== undefined,
    });
    if (users === undefined || refusal !== undefined) {
      this.refuse('auth', refusal ?? replies.authNeedsTls);
      callback();
      return;
    }
    const login = new Login(users.doorkeeper, {
      clientAddress: this.clientAddress,
      ask: (challenge, next) => {
        this._nextHandler = (answer, done) => void this.#dialogue(next(answer.toString('latin1')), done);
        this.send(334, challenge, false);
      },
      reply: (reply) => this.reply(reply),
      admit: (user) => this.standing.admit(user),
      report: (outcome) =>
        this.reportNumbered((connectionNumber) => ({
          kind: 'login',
          connectionNumber,
          clientAddress: this.clientAddress,
          ...outcome,
        })),
    });
    void this.#dialogue(login.start(line.toString('latin1').trim()), callback);
  }

  async #dialogue(step: Promise<void>, done: () => void): Promise<void> {
    try {
      await step;
    } catch (error) {
      this.host.rules.report({ kind: 'fault', where: 'login', error: asError(error) });
      this.reply(replies.loginBusy);
    }
    done();
  }

  /** A header that only proxies may send, and before anything else. */
  handler_PROXY(line: Buffer, callback: () => void): void {
    this.refuse('connect', replies.proxyNotAllowed, line);
    callback();
  }

  override handler_MAIL(line: Buffer, callback: () => void): void {
    if (this.#transaction !== undefined) this.refuse('mail', replies.nestedMail, line);
    else if (!this.standing.isStillUser()) this.refuse('mail', replies.userChanged);
    else {
      const { admission, mailNeedsTls, users } = this.host.rules;
      const judged = policy.judgeMail(line, {
        limits: this.standing.limits,
        admission: admission(),
        needsTls: mailNeedsTls && !this.secure,
        offersAuth: users !== undefined,
        maySendFrom: this.standing.maySendFrom,
      });
      if (judged.kind === 'refused') this.refuse('mail', judged.reply, line);
      else {
        this.#transaction = judged.value;
        this.reply(replies.senderOk);
      }
    }
    callback();
  }

  override handler_RCPT(line: Buffer, callback: () => void): void {
    const { hostname, literalAllowed } = this.host.rules;
    if (this.#transaction === undefined) this.refuse('rcpt', replies.needMail, line);
    else {
      const context = {
        limits: this.standing.limits,
        hostname,
        literalAllowed,
        trusted: this.standing.relays,
      };
      const judged = policy.judgeRecipient(line, this.#transaction, context);
      if (judged.kind === 'refused') this.refuse('rcpt', judged.reply, line);
      else {
        policy.addRecipient(this.#transaction, judged.value);
        this.reply(replies.recipientOk);
      }
    }
    callback();
  }

  override handler_DATA(line: Buffer, callback: () => void): void {
    const transaction = this.#transaction;
    const refusal = policy.judgeData(line, transaction, this.host.rules.admission());
    if (refusal !== undefined || transaction === undefined) {
      this.refuse('data', refusal ?? replies.needMail, line);
      callback();
    } else if (this.standing.userName === undefined) {
      this.#startData(transaction);
      callback();
    } else void this.#chargeThenStart(transaction, callback);
  }

  /** For users only: what they may send in a minute is counted in Redis, before the message is let in. */
  async #chargeThenStart(transaction: policy.Transaction, done: () => void): Promise<void> {
    const refusal = await this.standing.charge(transaction.recipients.size);
    if (refusal !== undefined) this.refuse('data', refusal);
    else if (!this._closing && !this._closed) this.#startData(transaction);
    done();
  }

  #startData(transaction: policy.Transaction): void {
    const parser = this._parser;
    if (!(parser instanceof CommandStream)) return;
    this.#data = this.#dataPhase(parser, transaction);
    parser.startData(this.#data);
    this.patience.commandCame();
    this.reply(replies.startData);
  }

  /** RFC 3030 is not offered. The octets that follow would be read as commands, so the session ends here. */
  handler_BDAT(line: Buffer, callback: () => void): void {
    this.refuse('data', replies.chunkingNotOffered, line);
    this.close();
    callback();
  }

  #dataPhase(parser: CommandStream, transaction: policy.Transaction): DataPhase {
    const { limits, bareNewline, budget } = this.host.rules;
    const { messageBytesMax } = limits;
    const reader = new DataReader({ normalise: bareNewline === 'normalise' });
    const buffer = new BodyBuffer({ bytesMax: messageBytesMax });
    return {
      reader,
      buffer,
      hold: budget.open(() => this.refuse('message', replies.tooSlow)),
      isLost: () => {
        if (buffer.bytes > oversizeFactorMax * messageBytesMax) {
          this.refuse('message', messageTooLarge(messageBytesMax));
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
    const { limits, bareNewline } = this.host.rules;
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
    this.patience.transactionEnded();
    this._transactionCounter++;
    this._unrecognizedCommands = 0;
    this._resetSession();
    if (reply.code >= 400) this.refuse('message', reply);
    else this.reply(reply);
    if (this.host.draining) this.reply(replies.shuttingDown);
    else parser.resumeCommands();
  }

  async #store(phase: DataPhase, transaction: policy.Transaction): Promise<Reply> {
    const refusal = this.#contentRefusal(phase.reader, phase.buffer);
    if (refusal !== undefined) return refusal;
    try {
      return (await this.host.rules.intake(this.#incoming(phase.buffer, transaction))).reply;
    } catch (error) {
      this.host.rules.report({ kind: 'fault', where: 'smtp intake', error: asError(error) });
      return replies.unavailable;
    }
  }

  #incoming(content: BodyBuffer, transaction: policy.Transaction): Incoming {
    const { reversePath, smtpUtf8, body, ret, envid, recipients } = transaction;
    const { userName } = this.standing;
    const extended = this.openingCommand === 'EHLO';
    const heloName = this.hostNameAppearsAs === false ? undefined : this.hostNameAppearsAs;
    return {
      reversePath,
      recipients: [...recipients.values()],
      ...(ret === undefined ? {} : { ret }),
      ...(envid === undefined ? {} : { envid }),
      smtpUtf8,
      body,
      content,
      origin: {
        protocol: 'smtp',
        clientAddress: this.clientAddress,
        connectionNumber: this.connectionNumber,
        ...(userName === undefined ? {} : { principal: userName }),
      },
      trace: {
        protocol: traceProtocol({
          extended,
          smtpUtf8,
          secure: this.secure,
          loggedIn: userName !== undefined,
        }),
        ...(heloName === undefined ? {} : { heloName }),
      },
    };
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
