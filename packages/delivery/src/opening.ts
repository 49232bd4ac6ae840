/**
 * Opens one connection: TCP, greeting, EHLO or HELO, TLS, AUTH. The dialogue is nodemailer's SMTPConnection, which discards what
 * was injected before a TLS handshake (RFC 3207 section 6) and falls back from EHLO to HELO. What it leaves to us: the socket
 * is ours, so is the clock (its time-outs restart at every byte and use the wall clock), and its transaction log tells which
 * step it is at.
 *
 * Once the session stands, the socket is taken over for transactions. nodemailer's `send` is not used: it has one set of DSN
 * parameters for all recipients, no place for a fence between 354 and the first byte, rewrites bare CR and LF, and takes a
 * stream and several turns of the event loop for each message.
 */
import { connect, isIP, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Phase } from '@mailwheel/envelope';
import type { Host } from '@mailwheel/routing';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { HostConnection } from './connection.ts';
import { noExtensions, parseExtensions, type Extensions } from './extensions.ts';
import { connectFailure, failed, openingFailure, type OpeningFailure } from './opening-trouble.ts';
import { openingBytesMax, replyBytesMax, type DeliveryOptions } from './options.ts';
import type { TlsPlan, TlsPolicy } from './tls-policy.ts';
import type { Watchdog, Watched } from './watchdog.ts';

/** nodemailer's own time-outs are put out of the way: the longest a Node timer can wait. */
const never = 2 ** 31 - 1;

export interface OpeningRequest {
  readonly host: Host;
  readonly connectionId: string;
  readonly plainText: boolean;
  readonly deadlineMs: number;
}

export interface OpeningTools {
  readonly options: DeliveryOptions;
  readonly tls: TlsPolicy;
  readonly watchdog: Watchdog;
  readonly now: () => number;
}

export type OpeningResult =
  | { readonly ok: true; readonly connection: HostConnection }
  | {
      readonly ok: false;
      readonly failure: OpeningFailure;
      /** 0: there was no connection. */
      readonly connectionNumber: number;
      readonly localAddress?: string;
    };

/** Never rejects for what the host does; rejects when no connection number is to be had. `closed`: the socket is gone. */
export function openConnection(
  request: OpeningRequest,
  tools: OpeningTools,
  closed: (connectionNumber: number) => void,
): Promise<OpeningResult> {
  return new Promise((resolve, reject) => new Opening(request, tools, { resolve, reject, closed }).start());
}

interface Ends {
  readonly resolve: (result: OpeningResult) => void;
  readonly reject: (cause: unknown) => void;
  readonly closed: (connectionNumber: number) => void;
}

class Opening implements Watched {
  limitAtMs = Infinity;
  readonly #request: OpeningRequest;
  readonly #tools: OpeningTools;
  readonly #ends: Ends;
  readonly #plan: TlsPlan;
  #phase: Phase = 'connect';
  #number = 0;
  #socket: Socket | undefined;
  #localAddress: string | undefined;
  #session: SMTPConnection | undefined;
  /** The host's answer to the last EHLO; undefined: none, or HELO had to do. */
  #ehloReply: string | undefined;
  /** The last greeting of ours was EHLO. */
  #askedExtensions = false;
  /** The socket whose bytes are counted: nodemailer exchanges it for a TLS one. */
  #counted: Socket | undefined;
  #bytes = 0;
  #settled = false;
  /** Set once the socket was handed over. */
  #connection: HostConnection | undefined;

  constructor(request: OpeningRequest, tools: OpeningTools, ends: Ends) {
    this.#request = request;
    this.#tools = tools;
    this.#ends = ends;
    this.#plan = tools.tls.planFor(request.host, request.plainText);
  }

  start(): void {
    const { address, port, policy } = this.#request.host;
    const { sourceAddress } = policy;
    if (sourceAddress !== undefined && isIP(sourceAddress) !== isIP(address)) {
      this.#ends.closed(0);
      const detail = `the source address ${sourceAddress} cannot reach ${address}: another address family`;
      return this.#ends.resolve({
        ok: false,
        failure: failed('connect', 'refused', detail),
        connectionNumber: 0,
      });
    }
    this.#tools.watchdog.add(this);
    this.#wait(this.#tools.options.timeouts.connectMs);
    const from = sourceAddress === undefined ? {} : { localAddress: sourceAddress };
    const socket = connect({ host: address, port, noDelay: true, ...from });
    this.#socket = socket;
    socket.on('error', (error) => {
      if (this.#phase === 'connect') this.#fail(connectFailure(error));
    });
    socket.once('close', () => this.#ends.closed(this.#number));
    socket.once('connect', () => void this.#connected(socket));
  }

  expire(): void {
    const late = this.#tools.now() >= this.#request.deadlineMs;
    const detail = late ? 'the time of the attempt is over' : `no answer at ${this.#phase} in time`;
    this.#fail(failed(this.#phase, 'timeout', detail));
  }

  async #connected(socket: Socket): Promise<void> {
    const { options } = this.#tools;
    this.#localAddress = socket.localAddress ?? '';
    let number: number;
    try {
      number = await options.nextConnectionNumber();
    } catch (cause) {
      this.#close();
      if (!this.#settled) this.#ends.reject(cause);
      this.#settled = true;
      return;
    }
    // Lost or late meanwhile: it closes as a connection that was never told of.
    if (this.#settled) return;
    this.#number = number;
    const { host } = this.#request;
    options.events.opened({ host, connectionNumber: number, localAddress: this.#localAddress });
    this.#converse(socket);
  }

  #converse(socket: Socket): void {
    const { options } = this.#tools;
    const { host } = this.#request;
    const { implicit, demanded, ignored, serverName, options: tls } = this.#plan;
    if (implicit) this.#enter('tls', options.timeouts.commandMs);
    else this.#enter('greeting', options.timeouts.greetingMs);
    const session = new SMTPConnection({
      connection: socket,
      host: host.address,
      port: host.port,
      name: host.policy.heloName ?? options.hostname,
      secure: implicit,
      requireTLS: demanded,
      ignoreTLS: ignored,
      // A failure is reported (row 3), so that it is remembered; nodemailer would go on in plain text and say nothing.
      opportunisticTLS: false,
      tls,
      connectionTimeout: never,
      greetingTimeout: never,
      socketTimeout: never,
      socketCloseTimeout: 0,
      maxResponseSize: replyBytesMax,
      transactionLog: true,
      logger: this.#log(),
      ...(serverName === undefined ? {} : { servername: serverName }),
    });
    this.#session = session;
    session.on('error', (error: Error) => this.#troubled(error));
    session.once('end', () => this.#fail(failed(this.#phase, 'lost', 'the connection was closed')));
    session.connect((error) => {
      if (error === undefined || error === null) void this.#greeted(session);
      else this.#troubled(error);
    });
  }

  /** nodemailer's log is read for the step it is at: `client` entries are commands, `server` entries replies. */
  #log(): Record<string, (entry: { tnx?: string; remotePort?: number }, message?: unknown) => void> {
    const { timeouts } = this.#tools.options;
    const note = (entry: { tnx?: string; remotePort?: number }, message?: unknown): void => {
      if (entry.tnx === 'network' && entry.remotePort !== undefined && this.#phase === 'tls') {
        this.#enter('greeting', timeouts.greetingMs);
      } else if (entry.tnx === 'client' && typeof message === 'string') this.#said(message);
      else if (entry.tnx === 'server' && typeof message === 'string') this.#heard(message);
      this.#count();
    };
    return { trace: note, debug: note, info: note, warn: note, error: note, fatal: note };
  }

  #said(command: string): void {
    const { commandMs } = this.#tools.options.timeouts;
    if (command.startsWith('EHLO ') || command.startsWith('HELO ')) {
      // Whatever was offered before counts no more, and the answer to HELO offers nothing, though it may have several lines.
      this.#ehloReply = undefined;
      this.#askedExtensions = command.startsWith('EHLO ');
      this.#enter('ehlo', commandMs);
    } else if (command === 'STARTTLS') this.#enter('tls', commandMs);
  }

  #heard(reply: string): void {
    if (this.#phase === 'ehlo' && this.#askedExtensions && reply.startsWith('2')) this.#ehloReply = reply;
    // The handshake follows: the plain socket's bytes are no longer anybody's to read.
    if (this.#phase === 'tls') this.#counted?.removeListener('data', this.#countBytes);
  }

  /** Everything the host says is counted: it could send blank lines for ever, which nodemailer takes one a turn. */
  #count(): void {
    const socket = this.#session?._socket;
    if (!socket || socket === this.#counted || this.#connection !== undefined) return;
    this.#counted = socket;
    socket.on('data', this.#countBytes);
  }

  readonly #countBytes = (chunk: Buffer): void => {
    this.#bytes += chunk.length;
    if (this.#bytes <= openingBytesMax) return;
    this.#fail(failed(this.#phase, 'out-of-step', 'the host says more than any session needs'));
  };

  async #greeted(session: SMTPConnection): Promise<void> {
    if (this.#settled) return;
    const extensions = this.#ehloReply === undefined ? noExtensions : parseExtensions(this.#ehloReply);
    const { auth } = this.#request.host.policy;
    if (auth === undefined) return this.#handOver(session, extensions);
    const mechanism = (['PLAIN', 'LOGIN'] as const).find((one) => extensions.auth.includes(one));
    const impossible = this.#authImpossible(session, mechanism !== undefined);
    if (impossible !== undefined) return this.#fail(failed('auth', 'auth-unavailable', impossible));
    this.#enter('auth', this.#tools.options.timeouts.commandMs);
    let pass: string;
    try {
      pass = await this.#tools.options.readSecret(auth.passwordFile);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      return this.#fail(failed('auth', 'auth-unavailable', `the password cannot be read: ${why}`));
    }
    if (this.#settled) return;
    session.login({ user: auth.user, pass, method: mechanism }, (error) => {
      if (error === null) this.#handOver(session, extensions);
      else this.#troubled(error);
    });
  }

  #authImpossible(session: SMTPConnection, offered: boolean): string | undefined {
    // Somebody in between can hide STARTTLS; he must not get the password for it. `none` is the operator's own wish.
    if (!session.secure && this.#plan.level !== 'none') {
      return 'the connection is not encrypted, so the password is not sent; set tls to require, or to none to send it anyway';
    }
    return offered ? undefined : 'the host offers neither AUTH PLAIN nor AUTH LOGIN';
  }

  #handOver(session: SMTPConnection, extensions: Extensions): void {
    const socket = session._socket;
    if (this.#settled || !socket) return;
    this.#settled = true;
    this.#tools.watchdog.delete(this);
    // Only 'data' is taken away from nodemailer: what it does at 'error', 'end' and 'close' is tidying up.
    socket.removeAllListeners('data');
    socket.setTimeout(0);
    const tls = socket instanceof TLSSocket ? { tls: describeTls(socket) } : { tls: undefined };
    const facts = {
      host: this.#request.host,
      connectionId: this.#request.connectionId,
      number: this.#number,
      localAddress: this.#localAddress ?? '',
      extensions,
      ...tls,
    };
    this.#connection = new HostConnection(socket, facts, this.#tools.watchdog);
    this.#ends.resolve({ ok: true, connection: this.#connection });
  }

  /** An error of nodemailer's, before or after the socket was handed over. */
  #troubled(error: Error): void {
    if (this.#connection === undefined) return this.#fail(openingFailure(this.#phase, error));
    const { cause } = openingFailure('mail', error);
    if (cause.kind === 'trouble' && cause.trouble !== 'out-of-step') this.#connection.lose(cause.detail);
    else this.#connection.breakOff('the host spoke out of turn');
  }

  #fail(failure: OpeningFailure): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#close();
    const local = this.#localAddress === undefined ? {} : { localAddress: this.#localAddress };
    const told = this.#inWordsOfPolicy(failure);
    this.#ends.resolve({ ok: false, failure: told, connectionNumber: this.#number, ...local });
  }

  #inWordsOfPolicy(failure: OpeningFailure): OpeningFailure {
    const { cause, phase } = failure;
    if (phase !== 'tls' || this.#plan.implicit) return failure;
    const words = cause.kind === 'reply' ? cause.reply.line : cause.detail;
    // 421 is no word about TLS: the host ends the session.
    if (cause.kind === 'reply' && cause.reply.code === 421) return failure;
    if (this.#plan.level === 'opportunistic') return failed('tls', 'starttls-failed', words);
    const offered = this.#ehloReply !== undefined && parseExtensions(this.#ehloReply).startTls;
    if (cause.kind === 'trouble' || offered) return failure;
    return failed('tls', 'starttls-missing', `the host does not offer STARTTLS: ${words}`);
  }

  #enter(phase: Phase, ms: number): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#wait(ms);
  }

  #wait(ms: number): void {
    this.limitAtMs = Math.min(this.#tools.now() + ms, this.#request.deadlineMs);
  }

  #close(): void {
    this.#tools.watchdog.delete(this);
    const session = this.#session;
    if (session?._socket) session._socket.destroy();
    this.#socket?.destroy();
  }
}

function describeTls(socket: TLSSocket): { protocol: string; cipher: string; verified: boolean } {
  const { standardName, name } = socket.getCipher();
  return { protocol: socket.getProtocol() ?? '', cipher: standardName ?? name, verified: socket.authorized };
}
