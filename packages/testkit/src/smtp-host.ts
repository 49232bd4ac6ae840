/**
 * A scripted SMTP destination host: a raw server that answers as told, at every phase, the n-th time, after a while, or never,
 * and remembers exactly what it was sent. Written without an SMTP library, so that it can be wrong in every way. Ordinary
 * messages need no promise and no timer: it takes several thousand a second.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Session, type SessionHost, type StepDetail } from './smtp-host-session.ts';
import type {
  Action,
  ActionContext,
  Behaviour,
  ConnectionRecord,
  HostCounters,
  HostOptions,
  HostPhase,
  HostScript,
  LiveConnection,
  TransactionRecord,
} from './smtp-host-types.ts';

const PHASES: readonly HostPhase[] = [
  'connect',
  'greeting',
  'ehlo',
  'helo',
  'starttls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'body',
  'final',
  'rset',
  'noop',
  'quit',
  'unknown',
];

export class SmtpHost implements SessionHost {
  readonly options: HostOptions;
  readonly name: string;
  readonly address: string;
  /** Every connection there ever was. */
  readonly connections: ConnectionRecord[] = [];
  /** Every message that came completely, whatever it was answered. */
  readonly transactions: TransactionRecord[] = [];
  readonly counters: HostCounters;
  #port: number;
  #server: Server | undefined;
  readonly #script = new Map<HostPhase, Behaviour>();
  readonly #live = new Map<Socket, Session>();

  constructor(script: HostScript, options: HostOptions) {
    this.options = options;
    this.address = options.address ?? '127.0.0.1';
    this.name = options.name ?? 'scripted.example';
    this.#port = options.port ?? 0;
    const phases = Object.fromEntries(PHASES.map((phase) => [phase, 0])) as Record<HostPhase, number>;
    this.counters = { connections: 0, open: 0, openMax: 0, accepted: 0, phases };
    this.behave(script);
  }

  get port(): number {
    return this.#port;
  }

  /** Messages whose final reply was positive. */
  get delivered(): readonly TransactionRecord[] {
    return this.transactions.filter((transaction) => transaction.accepted);
  }

  /** Connections that are open now. */
  get live(): readonly LiveConnection[] {
    return [...this.#live.values()].map((session) => ({
      record: session.record,
      say: (text: string) => {
        session.wire.reply(text);
        session.wire.flush();
      },
      close: () => session.wire.close(),
      reset: () => session.wire.reset(),
    }));
  }

  /** Changes what the host does from now on; phases that are not named keep what they do, `undefined` makes them ordinary. */
  behave(script: HostScript): void {
    for (const [phase, behaviour] of Object.entries(script)) {
      if (behaviour === undefined) this.#script.delete(phase as HostPhase);
      else this.#script.set(phase as HostPhase, behaviour);
    }
  }

  /** Answers everything in the ordinary way again. */
  behaveWell(): void {
    this.#script.clear();
  }

  /** Forgets messages and connections; counters go on. */
  forget(): void {
    this.connections.length = 0;
    this.transactions.length = 0;
  }

  async start(): Promise<void> {
    const server = createServer({ allowHalfOpen: false }, (socket) => this.#arrived(socket));
    server.listen(this.#port, this.address, 1024);
    await once(server, 'listening');
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error('the scripted host has no port');
    this.#port = bound.port;
    this.#server = server;
  }

  /** Refuses connections from now on and resets those that are open. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const session of this.#live.values()) session.wire.reset();
    await closed;
  }

  /** Listens again on the same port. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  #arrived(socket: Socket): void {
    const { counters, options } = this;
    counters.connections += 1;
    counters.open += 1;
    counters.openMax = Math.max(counters.openMax, counters.open);
    const record: ConnectionRecord = {
      number: counters.connections,
      remoteAddress: socket.remoteAddress ?? '',
      remotePort: socket.remotePort ?? 0,
      openedAtMs: performance.now(),
      tls: false,
      commands: [],
      transactions: 0,
      pipelined: 0,
      reset: false,
    };
    this.connections.push(record);
    const session = new Session(this, socket, record);
    this.#live.set(socket, session);
    socket.once('close', () => {
      record.closedAtMs = performance.now();
      counters.open -= 1;
      this.#live.delete(socket);
    });
    if (counters.open > (options.connectionsMax ?? Infinity)) {
      session.wire.reply(`421 4.3.2 ${this.name} Too many connections`);
      session.wire.close();
    } else session.start();
  }

  act(
    session: Session,
    phase: HostPhase,
    detail: StepDetail,
  ): Action | undefined | Promise<Action | undefined> {
    const count = (this.counters.phases[phase] += 1);
    const countInConnection = (session.phaseCounts.get(phase) ?? 0) + 1;
    session.phaseCounts.set(phase, countInConnection);
    const behaviour = this.#script.get(phase);
    if (typeof behaviour !== 'function') return behaviour;
    const context: ActionContext = {
      phase,
      count,
      countInConnection,
      connection: session.record,
      line: detail.line ?? '',
      reversePath: session.reversePath,
      recipients: session.recipients,
      address: detail.address ?? '',
      bodyBytes: detail.bodyBytes ?? 0,
      body: detail.body ?? Buffer.alloc(0),
    };
    return behaviour(context);
  }

  record(transaction: TransactionRecord): void {
    this.transactions.push(transaction);
  }

  accepted(): void {
    this.counters.accepted += 1;
  }
}

/** Starts a scripted host. `script` says what it does from the first connection on. Stop it when the test is over. */
export async function startSmtpHost(script: HostScript = {}, options: HostOptions = {}): Promise<SmtpHost> {
  const host = new SmtpHost(script, options);
  await host.start();
  return host;
}
