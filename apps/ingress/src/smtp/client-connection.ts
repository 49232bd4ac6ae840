/**
 * A client's connection from its arrival to its end: counted, numbered for the log, turned away if there are too many, shown
 * out if it is too slow. What it may say in between is `session.ts`.
 */
import type { Socket } from 'node:net';
import type { IngressEvent } from '../events.ts';
import { WireConnection, type Secured } from './connection.ts';
import { Patience } from './patience.ts';
import { judgeConnection } from './policy.ts';
import { replies, type Reply } from './reply.ts';
import type { ClientOptions, SessionHost } from './session-rules.ts';
import { Standing } from './standing.ts';
import { withoutMapping } from './trusted-networks.ts';

/** How long a stranger must wait for the greeting; who talks before it is no mail server. */
const strangerGreetingWaitMs = 100;
/** Of a refused command, for the log. */
const aboutCharactersMax = 300;

type Phase = Extract<IngressEvent, { kind: 'refused' }>['phase'];

export abstract class ClientConnection extends WireConnection {
  protected readonly host: SessionHost;
  protected readonly clientAddress: string;
  protected readonly standing: Standing;
  protected readonly patience: Patience;
  /** ICID of the logs; 0 until (or unless) Redis has given one. */
  protected connectionNumber = 0;
  /** Settles when the number is known or will not come. */
  #numbered: Promise<void> = Promise.resolve();
  #counted = false;

  constructor(host: SessionHost, socket: Socket, options?: ClientOptions | null) {
    super(host, socket, options);
    this.host = host;
    this.clientAddress = withoutMapping(this.remoteAddress);
    const isTrusted = options?.unknownClient !== true && host.rules.trusted(this.clientAddress);
    this.standing = new Standing(host.rules, isTrusted);
    this.patience = new Patience(host.rules.patience);
  }

  /** Bytes of the message that is coming in; undefined: none is. */
  protected abstract get incomingBytes(): number | undefined;
  /** The client waits for us. */
  protected abstract get owesNothing(): boolean;

  /** As the library's, but a trusted client is greeted at once: it has its address to prove itself with. */
  override init(): void {
    const counts = this.host.counts.enter(this.clientAddress);
    this.#counted = true;
    const { rules, draining } = this.host;
    const refusal = draining ? replies.shuttingDown : judgeConnection(counts, rules.limits);
    if (refusal !== undefined) {
      // Not counted any longer, though the client may take its time to go: a flood would keep others out.
      this.#leave();
      this.#turnAway(refusal);
      return;
    }
    this.#numbered = this.#takeNumber();
    this._setListeners(() => {
      if (this.standing.trustedAddress) this.connectionReady();
      else setTimeout(() => this.connectionReady(), strangerGreetingWaitMs).unref();
    });
  }

  /** Ends the session if the client has been too slow. Called every second or so; costs nothing in between. */
  sweep(nowMs: number): void {
    if (this._closing || this._closed) return;
    const { incomingBytes } = this;
    const slowWith = this.patience.judge(nowMs, {
      weAreSlow: this.owesNothing || this._handlerPending,
      dataBytes: incomingBytes,
      mayRelay: this.standing.relays,
    });
    if (slowWith === 'command') this.reply(replies.tooSlowCommand);
    else if (slowWith === 'login') this.refuse('connect', replies.notLoggedIn);
    else if (slowWith === 'data') this.refuse('message', replies.tooSlowData);
    else if (slowWith === 'transaction') {
      this.refuse(incomingBytes === undefined ? 'connect' : 'message', replies.takesTooLong);
    }
  }

  override _onTimeout(): void {
    if (this.owesNothing && !this._closing) this._armTimeout();
    else super._onTimeout();
  }

  override _onClose(): void {
    super._onClose();
    if (!this.#leave()) return;
    this.reportNumbered((connectionNumber) => ({ kind: 'disconnected', connectionNumber }));
  }

  protected override onSecured({ protocol, cipher, certified }: Secured): void {
    this.standing.certify(certified);
    this.reportNumbered((connectionNumber) => ({ kind: 'secured', connectionNumber, protocol, cipher }));
  }

  protected override onHandshakeFailed(error: Error): void {
    const { clientAddress } = this;
    this.reportNumbered((connectionNumber) => ({
      kind: 'tls-failed',
      connectionNumber,
      clientAddress,
      error,
    }));
  }

  /** Answers and reports; `line` is shown in the log, so it must hold no credentials. */
  protected refuse(phase: Phase, reply: Reply, line?: Buffer): void {
    this.reply(reply);
    this.#reportRefusal(phase, reply, line);
  }

  /** Waits for the number of the connection, so that the log's lines stand in order. */
  protected reportNumbered(event: (connectionNumber: number) => IngressEvent): void {
    void this.#numbered.then(() => this.host.rules.report(event(this.connectionNumber)));
  }

  /** Under implicit TLS a reply would cost a handshake: the connection just ends. */
  #turnAway(refusal: Reply): void {
    if (!this.needsUpgrade) {
      this._setListeners(() => this.refuse('connect', refusal));
      return;
    }
    this._server.connections.delete(this);
    this._socket.on('error', () => undefined);
    this._socket.destroy();
    this.#reportRefusal('connect', refusal);
  }

  #reportRefusal(phase: Phase, reply: Reply, line?: Buffer): void {
    this.host.rules.report({
      kind: 'refused',
      protocol: 'smtp',
      phase,
      connectionNumber: this.connectionNumber,
      clientAddress: this.clientAddress,
      reply,
      ...(line === undefined ? {} : { about: line.toString('utf8', 0, aboutCharactersMax) }),
    });
  }

  async #takeNumber(): Promise<void> {
    const { nextConnectionNumber, report } = this.host.rules;
    try {
      this.connectionNumber = await nextConnectionNumber();
    } catch {
      // Redis is away: the session is served (it will get 451 at MAIL) and logged without a number.
      this.connectionNumber = 0;
    }
    report({
      kind: 'connected',
      connectionNumber: this.connectionNumber,
      localAddress: withoutMapping(this.localAddress),
      clientAddress: this.clientAddress,
    });
  }

  /** Takes the connection out of the counts; false: it was not in them. */
  #leave(): boolean {
    const wasCounted = this.#counted;
    this.#counted = false;
    if (wasCounted) this.host.counts.leave(this.clientAddress);
    return wasCounted;
  }
}
