/**
 * One SMTP listener: smtp-server with our sessions. Offered is what settings turn on, and nothing else that the library brings
 * and a relay does not want (XCLIENT, XFORWARD, its jokes for old sendmail commands).
 */
import { SMTPServer } from 'smtp-server';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { ConnectionCounts } from './connection-counts.ts';
import { sweepIntervalMs } from './patience.ts';
import { takeProxyHeader } from './proxy-socket.ts';
import type { ClientOptions, SessionRules } from './session-rules.ts';
import { SmtpSession } from './session.ts';
import { withoutMapping, type TrustedNetworks } from './trusted-networks.ts';

/** RFC 5321 section 4.5.3.1.4 asks for 512 octets; the extensions we offer add less than 1,200. */
const commandBytesMax = 2048;
/**
 * Connections the kernel keeps until we take them (it takes `net.core.somaxconn` if that is less). Node's 511 overflows in a
 * burst, and a client that waits for a greeting then waits for a minute.
 */
const backlogMax = 4096;
/** Connections that are being refused at a time, beside those counted by `connectionsMax` and as many again. */
const lingeringMax = 100;
const disabledCommands = ['XCLIENT', 'XFORWARD', 'WIZ', 'SHELL', 'KILL', 'LHLO'];

export interface SmtpListenerOptions {
  readonly rules: SessionRules;
  /** Shared by the listeners: their limits hold for all of them together. */
  readonly counts: ConnectionCounts;
  /** Whose connections begin with a PROXY header. */
  readonly isProxy: TrustedNetworks;
  /** Options of the handshake. `updateSecureContext` must have given a certificate before the first one. */
  readonly tls: Readonly<Record<string, unknown>>;
  readonly offersTls: boolean;
  /** TLS from the first byte. */
  readonly implicitTls: boolean;
}

export class SmtpListener extends SMTPServer {
  readonly rules: SessionRules;
  readonly counts: ConnectionCounts;
  readonly #isProxy: TrustedNetworks;
  #draining = false;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: SmtpListenerOptions) {
    super({
      name: options.rules.hostname,
      banner: 'Mailwheel',
      heloResponse: '%s',
      size: options.rules.limits.messageBytesMax,
      ...options.tls,
      disabledCommands: options.offersTls ? disabledCommands : [...disabledCommands, 'STARTTLS'],
      hideSTARTTLS: !options.offersTls,
      authOptional: true,
      authMethods: ['PLAIN', 'LOGIN'],
      // Together: the session does the handshake itself, and so counts it and limits its time.
      secure: options.implicitTls,
      needsUpgrade: options.implicitTls,
      hideENHANCEDSTATUSCODES: false,
      hideDSN: false,
      disableReverseLookup: true,
      socketTimeout: options.rules.patience.idleMs,
      maxCommandLength: commandBytesMax,
      logger: false,
      onConnect: (_session, callback) => callback(),
      onSecure: (_socket, _session, callback) => callback(),
    });
    // Beyond this a connection is closed unheard: those that were told 421 and do not go need descriptors too.
    this.server.maxConnections = 2 * options.rules.limits.connectionsMax + lingeringMax;
    this.rules = options.rules;
    this.counts = options.counts;
    this.#isProxy = options.isProxy;
    // Without a listener an error of any single connection would end the process (seen).
    this.on('error', (error) => this.rules.report({ kind: 'fault', where: 'smtp listener', error }));
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** The library's own reader knows no networks, no version 2, and no haste. */
  override _handleProxy(
    socket: Socket,
    callback: (error: Error | null, socketOptions?: ClientOptions & { id: string }) => void,
  ): void {
    const proxy = withoutMapping(socket.remoteAddress ?? '');
    if (!this.#isProxy(proxy)) {
      super._handleProxy(socket, callback);
      return;
    }
    const id = randomUUID();
    takeProxyHeader(socket, (header) => {
      if (header === undefined) callback(new Error(`no PROXY header came from ${proxy}`));
      else if (header.address === undefined) callback(null, { id, unknownClient: true });
      else callback(null, { id, remoteAddress: header.address, remotePort: header.port ?? 0 });
    });
  }

  override connect(socket: Socket, socketOptions?: SMTPConnectionOptions | null): void {
    const session = new SmtpSession(this, socket, socketOptions);
    this.connections.add(session);
    session.on('error', (error: Error) =>
      this.rules.report({ kind: 'fault', where: 'smtp connection', error }),
    );
    session.init();
  }

  /** Resolves with the port when the listener answers; rejects if the address cannot be had. */
  async open(host: string, port: number): Promise<number> {
    const listening = once(this.server, 'listening');
    this.server.listen({ port, host, backlog: backlogMax });
    await listening;
    const sweep = (): void => {
      const nowMs = performance.now();
      for (const session of this.connections) if (session instanceof SmtpSession) session.sweep(nowMs);
    };
    this.#sweeper = setInterval(sweep, sweepIntervalMs(this.rules.patience)).unref();
    const address = this.server.address();
    return address === null || typeof address === 'string' ? port : address.port;
  }

  /**
   * Takes no more connections, says 421 to idle sessions at once and to the others after their transaction, and ends what
   * is left when `limitMs` is over or `hasten` is aborted. Resolves when no connection is left.
   */
  async drain(limitMs: number, hasten: AbortSignal): Promise<void> {
    this.#draining = true;
    const closed = once(this.server, 'close');
    this.server.close();
    for (const session of this.connections) {
      if (session instanceof SmtpSession && session.isIdle) session.shutDown();
    }
    const end = (): void => {
      for (const session of this.connections) {
        if (session instanceof SmtpSession) session.shutDown();
      }
    };
    const timer = setTimeout(end, limitMs);
    hasten.addEventListener('abort', end, { once: true });
    if (hasten.aborted) end();
    try {
      await closed;
    } finally {
      clearTimeout(timer);
      clearInterval(this.#sweeper);
      hasten.removeEventListener('abort', end);
    }
  }
}
