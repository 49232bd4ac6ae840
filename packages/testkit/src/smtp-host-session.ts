/**
 * One connection of the scripted host. Commands are handled strictly in order and, unless an action takes time, in the same
 * turn, so that pipelined input costs one write. Bytes that arrive while an action runs wait.
 */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { BodyCollector } from './smtp-host-body.ts';
import type {
  Action,
  ConnectionRecord,
  HostOptions,
  HostPhase,
  RecipientRecord,
  TransactionRecord,
} from './smtp-host-types.ts';
import { isImmediate, replyOf, Wire, type ActionOutcome } from './smtp-host-wire.ts';

const NOTHING: Buffer = Buffer.alloc(0);
const COMMANDS_KEPT_MAX = 1000;

/** What a behaviour function is told beside the state of the session. */
export interface StepDetail {
  readonly line?: string;
  readonly address?: string;
  readonly bodyBytes?: number;
  readonly body?: Buffer;
}

/** What a session needs from its host. */
export interface SessionHost {
  readonly options: HostOptions;
  readonly name: string;
  /** The scripted action for this moment, or undefined for the ordinary answer. */
  act(
    session: Session,
    phase: HostPhase,
    detail: StepDetail,
  ): Action | undefined | Promise<Action | undefined>;
  record(transaction: TransactionRecord): void;
  accepted(): void;
}

export class Session {
  readonly record: ConnectionRecord;
  readonly wire: Wire;
  readonly phaseCounts = new Map<HostPhase, number>();
  readonly #host: SessionHost;
  readonly #raw: Socket;
  #socket: Socket;
  /** Input that no command has consumed yet. */
  #input: Buffer = NOTHING;
  /** An action takes time, or nothing will ever be answered again. */
  #blocked = false;
  #body: BodyCollector | undefined;
  /** An AUTH exchange waits for its next line. */
  #authStep: ((line: string) => void) | undefined;
  reversePath = '';
  #mailParameters: string[] = [];
  recipients: RecipientRecord[] = [];
  #inTransaction = false;

  constructor(host: SessionHost, socket: Socket, record: ConnectionRecord) {
    this.#host = host;
    this.#raw = socket;
    this.#socket = socket;
    this.record = record;
    this.wire = new Wire(socket);
    socket.setNoDelay(true);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') this.record.reset = true;
    });
  }

  start(): void {
    this.#step('connect', {}, undefined, () => {
      if (this.#host.options.implicitTls === true) this.#secure();
      else this.#listen(this.#raw);
      this.#step('greeting', {}, `220 ${this.#host.name} ESMTP scripted`);
    });
    this.wire.flush();
  }

  #listen(socket: Socket): void {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
      this.#process();
    });
  }

  #secure(): void {
    this.wire.flush();
    this.#raw.removeAllListeners('data');
    const secured = new TLSSocket(this.#raw, { isServer: true, ...this.#host.options.tls });
    secured.on('error', () => this.#raw.destroy());
    secured.on('secure', () => {
      this.record.tls = true;
      const name = (secured as { servername?: string | false }).servername;
      if (typeof name === 'string') this.record.serverName = name;
    });
    this.#input = NOTHING;
    this.wire.upgrade(secured);
    this.#listen(secured);
  }

  /**
   * One answer: the scripted one if there is one, else the ordinary one. `then` is told the reply that was sent, only when the
   * session goes on.
   */
  #step(
    phase: HostPhase,
    detail: StepDetail,
    ordinary: string | undefined,
    then?: (reply: string) => void,
  ): void {
    const chosen = this.#host.act(this, phase, detail);
    if (chosen instanceof Promise) {
      this.#blocked = true;
      this.wire.flush();
      void chosen.then((action) => this.#carryOut(action, ordinary, then));
    } else this.#carryOut(chosen, ordinary, then);
  }

  #carryOut(
    scripted: Action | undefined,
    ordinary: string | undefined,
    then?: (reply: string) => void,
  ): void {
    const action = scripted ?? ordinary;
    if (action === undefined) return this.#settled('done', '', then);
    const reply = replyOf(action) ?? '';
    if (typeof action === 'string' || isImmediate(action)) {
      return this.#settled(this.wire.perform(action), reply, then);
    }
    this.#blocked = true;
    void this.wire.performSlowly(action).then((outcome) => this.#settled(outcome, reply, then));
  }

  #settled(outcome: ActionOutcome, reply: string, then?: (reply: string) => void): void {
    const resumes = this.#blocked && outcome === 'done';
    this.#blocked = outcome !== 'done';
    if (outcome !== 'done') return;
    then?.(reply);
    if (!resumes) return;
    if (this.#socket.isPaused()) this.#socket.resume();
    this.#process();
  }

  #process(): void {
    while (!this.#blocked && !this.wire.gone && this.#input.length > 0) {
      if (this.#body === undefined) {
        const end = this.#input.indexOf(0x0a);
        if (end < 0) break;
        const line = this.#input.toString(
          'utf8',
          0,
          end > 0 && this.#input[end - 1] === 0x0d ? end - 1 : end,
        );
        this.#input = this.#input.subarray(end + 1);
        this.#command(line);
      } else this.#readBody(this.#body);
    }
    this.wire.flush();
  }

  #readBody(body: BodyCollector): void {
    const rest = body.take(this.#input);
    this.#input = rest ?? NOTHING;
    if (rest === undefined) {
      this.#step('body', { bodyBytes: body.bytes }, undefined);
      if (this.#blocked) this.#socket.pause();
      return;
    }
    this.#body = undefined;
    this.#finish(body.message());
  }

  #finish(message: Buffer): void {
    const transaction = recordOf(this, message, {
      mailParameters: this.#mailParameters,
      keep: this.#host.options.keepBodies !== false,
    });
    this.record.transactions += 1;
    this.#host.record(transaction);
    const number = `${this.record.number}.${this.record.transactions}`;
    this.#step(
      'final',
      { body: message, bodyBytes: message.length },
      `250 2.0.0 Ok: queued as ${number}`,
      (reply) => {
        transaction.reply = reply;
        transaction.accepted = reply.startsWith('2');
        if (transaction.accepted) this.#host.accepted();
        this.#reset();
      },
    );
  }

  #reset(): void {
    this.#inTransaction = false;
    this.reversePath = '';
    this.#mailParameters = [];
    this.recipients = [];
  }

  #command(line: string): void {
    if (this.record.commands.length < COMMANDS_KEPT_MAX) this.record.commands.push(line);
    if (this.#input.length > 0) this.record.pipelined += 1;
    const authStep = this.#authStep;
    if (authStep !== undefined) {
      this.#authStep = undefined;
      authStep(line);
      return;
    }
    const verb = /^[A-Za-z]+/.exec(line)?.[0].toUpperCase() ?? '';
    if (verb === 'MAIL') this.#mail(line);
    else if (verb === 'RCPT') this.#rcpt(line);
    else if (verb === 'DATA') this.#data(line);
    else if (verb === 'EHLO' || verb === 'HELO') this.#hello(verb, line);
    else if (verb === 'STARTTLS') this.#starttls(line);
    else if (verb === 'AUTH') this.#auth(line);
    else if (verb === 'RSET') this.#step('rset', { line }, '250 2.0.0 Ok', () => this.#reset());
    else if (verb === 'NOOP') this.#step('noop', { line }, '250 2.0.0 Ok');
    else if (verb === 'QUIT') this.#step('quit', { line }, '221 2.0.0 Bye', () => this.wire.close());
    else this.#step('unknown', { line }, '500 5.5.2 Error: command not recognized');
  }

  #hello(verb: 'EHLO' | 'HELO', line: string): void {
    this.record.heloName = line.slice(5).trim();
    this.#reset();
    const { options, name } = this.#host;
    if (verb === 'HELO') return this.#step('helo', { line }, `250 ${name}`);
    const words = [
      ...(options.extensions ?? ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'DSN', 'ENHANCEDSTATUSCODES']),
    ];
    if (options.tls !== undefined && !this.record.tls) words.push('STARTTLS');
    if (options.users !== undefined) words.push('AUTH PLAIN LOGIN');
    const lines = [name, ...words];
    const reply = lines.map((word, at) => `250${at === lines.length - 1 ? ' ' : '-'}${word}`).join('\n');
    this.#step('ehlo', { line }, reply);
  }

  #starttls(line: string): void {
    if (this.#host.options.tls === undefined) {
      return this.#step('starttls', { line }, '502 5.5.1 Error: command not implemented');
    }
    this.#step('starttls', { line }, '220 2.0.0 Ready to start TLS', (reply) => {
      if (!reply.startsWith('2')) return;
      this.#reset();
      this.#secure();
    });
  }

  #auth(line: string): void {
    const [, mechanism = '', initial] = line.split(' ');
    const decode = (text: string): string => Buffer.from(text, 'base64').toString();
    const check = (user: string, password: string): void => {
      const good = this.#host.options.users?.[user] === password;
      const ordinary = good ? '235 2.7.0 Authentication successful' : '535 5.7.8 Authentication failed';
      this.#step('auth', { line }, ordinary, (reply) => {
        if (reply.startsWith('2')) this.record.user = user;
      });
    };
    const ask = (prompt: string, next: (answer: string) => void): void => {
      this.wire.reply(`334 ${Buffer.from(prompt).toString('base64')}`);
      this.#authStep = next;
    };
    const plain = (text: string): void => {
      const [, user = '', password = ''] = decode(text).split('\0');
      check(user, password);
    };
    if (mechanism.toUpperCase() === 'PLAIN') {
      if (initial === undefined) ask('', plain);
      else plain(initial);
    } else if (mechanism.toUpperCase() === 'LOGIN') {
      const withUser = (user: string): void =>
        ask('Password:', (password) => check(decode(user), decode(password)));
      if (initial === undefined) ask('Username:', withUser);
      else withUser(initial);
    } else this.#step('auth', { line }, '504 5.5.4 Unrecognized authentication type');
  }

  #mail(line: string): void {
    const parsed = parsePath(line);
    const size = /\bSIZE=(\d+)/i.exec(line)?.[1];
    const limit = this.#host.options.extensions?.map((word) => /^SIZE (\d+)/.exec(word)?.[1]).find(Boolean);
    let ordinary = '250 2.1.0 Ok';
    if (parsed === undefined) ordinary = '501 5.5.4 Syntax: MAIL FROM:<address>';
    else if (this.#inTransaction) ordinary = '503 5.5.1 Error: nested MAIL command';
    else if (this.#host.options.requireAuth === true && this.record.user === undefined) {
      ordinary = '530 5.7.0 Authentication required';
    } else if (Number(size ?? 0) > Number(limit ?? Infinity)) ordinary = '552 5.3.4 Message too big';
    this.#step('mail', { line }, ordinary, (reply) => {
      if (!reply.startsWith('2') || parsed === undefined) return;
      this.#inTransaction = true;
      this.recipients = []; // those of a transaction that was refused at MAIL are not of this one
      this.reversePath = parsed.address;
      this.#mailParameters = parsed.parameters;
    });
  }

  #rcpt(line: string): void {
    const parsed = parsePath(line);
    let ordinary = '250 2.1.5 Ok';
    if (parsed === undefined) ordinary = '501 5.5.4 Syntax: RCPT TO:<address>';
    else if (!this.#inTransaction) ordinary = '503 5.5.1 Error: need MAIL command';
    this.#step('rcpt', { line, address: parsed?.address ?? '' }, ordinary, (reply) => {
      if (parsed !== undefined) this.recipients.push({ ...parsed, accepted: reply.startsWith('2') });
    });
  }

  #data(line: string): void {
    const anybody = this.recipients.some((recipient) => recipient.accepted);
    let ordinary = '354 End data with <CR><LF>.<CR><LF>';
    if (!this.#inTransaction) ordinary = '503 5.5.1 Error: need MAIL command';
    else if (!anybody) ordinary = '554 5.5.1 Error: no valid recipients';
    this.#step('data', { line }, ordinary, (reply) => {
      if (reply.startsWith('3') || reply.startsWith('2')) this.#body = new BodyCollector();
    });
  }
}

function parsePath(line: string): { address: string; parameters: string[] } | undefined {
  const found = /^(?:MAIL FROM|RCPT TO):\s?<([^>]*)>(?: (.*))?$/i.exec(line);
  if (found === null) return undefined;
  return { address: found[1]!, parameters: found[2] === undefined ? [] : found[2].split(' ') };
}

function recordOf(
  session: Session,
  message: Buffer,
  how: { mailParameters: readonly string[]; keep: boolean },
): TransactionRecord {
  const sha256 = (): string => createHash('sha256').update(message).digest('hex');
  const eager = how.keep ? undefined : sha256();
  return {
    connection: session.record.number,
    atMs: performance.now(),
    reversePath: session.reversePath,
    mailParameters: how.mailParameters,
    recipients: session.recipients,
    body: how.keep ? message : NOTHING,
    bodyBytes: message.length,
    get digest() {
      return eager ?? sha256();
    },
    tls: session.record.tls,
    user: session.record.user,
    accepted: false,
  };
}
