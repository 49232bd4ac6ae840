/** The pool: finds or opens a connection for a transaction, runs it, and keeps the connection for the next one. */
import { randomUUID } from 'node:crypto';
import type { Host } from '@mailwheel/routing';
import type { HostConnection } from './connection.ts';
import { sayFarewell } from './farewell.ts';
import { IdleConnections } from './idle-connections.ts';
import { openConnection, type OpeningResult, type OpeningTools } from './opening.ts';
import type { DeliveryOptions } from './options.ts';
import { TlsPolicy } from './tls-policy.ts';
import { Transaction, type TransactionOutcome } from './transaction.ts';
import type { Delivery, TransactionReport, TransactionRequest } from './types.ts';
import { Waiters } from './waiters.ts';
import { Watchdog } from './watchdog.ts';

const busy = { kind: 'busy' } as const;

/**
 * A pool of SMTP connections to destination hosts. Nothing a host does makes it throw; `transact` rejects only when the hooks
 * (`mayOpen`, `nextConnectionNumber`) do, or for a request without recipients. Throws if `tls.caFile` cannot be used.
 */
export function createDelivery(options: DeliveryOptions): Delivery {
  return new PooledDelivery(options);
}

class PooledDelivery implements Delivery {
  readonly #options: DeliveryOptions;
  readonly #now: () => number;
  readonly #tools: OpeningTools;
  readonly #idle = new IdleConnections();
  readonly #waiters = new Waiters();
  /** Every connection that somebody holds a lease for, from `mayOpen` until `closed`. */
  readonly #held = new Map<string, { readonly host: Host; readonly connectionId: string }>();
  #closing = false;
  #allClosed: (() => void) | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    const { timeouts, idleConnectionMs } = options;
    const watchdog = new Watchdog(this.#now, Math.min(idleConnectionMs, ...Object.values(timeouts)));
    const tls = new TlsPolicy(options.tls?.caFile);
    this.#tools = { options, tls, watchdog, now: this.#now };
  }

  async transact(request: TransactionRequest): ReturnType<Delivery['transact']> {
    if (request.recipients.length === 0) throw new Error('a transaction needs a recipient');
    if (this.#closing) return busy;
    const startedAtMs = this.#now();
    const idle = request.fresh ? undefined : this.#idle.take(request.host.key);
    if (idle !== undefined) return this.#run(idle, request, { reused: true, startedAtMs });
    const opened = await this.#open(request);
    if (opened === undefined) return busy;
    if (opened.ok) return this.#run(opened.connection, request, { reused: false, startedAtMs });
    return this.#unopened(opened, startedAtMs);
  }

  warm(): ReadonlySet<string> {
    return this.#idle.warm;
  }

  async awaitIdle(hostKeys: readonly string[], timeoutMs: number): Promise<void> {
    if (this.#closing || hostKeys.some((key) => this.#idle.warm.has(key))) return;
    await this.#waiters.wait(hostKeys, timeoutMs);
  }

  held(): readonly { readonly host: Host; readonly connectionId: string }[] {
    return [...this.#held.values()];
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#waiters.announceAll();
    for (const connection of this.#idle.all()) this.#retire(connection);
    if (this.#held.size === 0) return;
    await new Promise<void>((resolve) => {
      const before = this.#allClosed;
      this.#allClosed = () => {
        before?.();
        resolve();
      };
    });
  }

  /** Undefined: the host is at its limit. */
  async #open(request: TransactionRequest): Promise<OpeningResult | undefined> {
    const { host, plainText, deadlineMs } = request;
    const connectionId = randomUUID();
    if (!(await this.#options.events.mayOpen(host, connectionId))) return undefined;
    this.#held.set(connectionId, { host, connectionId });
    return openConnection({ host, connectionId, plainText, deadlineMs }, this.#tools, (connectionNumber) =>
      this.#closed({ host, connectionNumber, connectionId }),
    );
  }

  #run(
    connection: HostConnection,
    request: TransactionRequest,
    how: { readonly reused: boolean; readonly startedAtMs: number },
  ): Promise<TransactionReport> {
    return new Promise((resolve) => {
      const finish = (outcome: TransactionOutcome, keep: boolean): void => {
        // At once, not when the promise settles: what the host says from now on belongs to no transaction.
        if (keep) this.#giveBack(connection);
        else connection.destroy();
        resolve(this.#report(connection, outcome, how));
      };
      const { timeouts } = this.#options;
      const context = { connection, request, reused: how.reused, timeouts, now: this.#now, finish };
      new Transaction(context).start();
    });
  }

  #report(
    { facts }: HostConnection,
    outcome: TransactionOutcome,
    how: { readonly reused: boolean; readonly startedAtMs: number },
  ): TransactionReport {
    return {
      ...outcome,
      connectionNumber: facts.number,
      reused: how.reused,
      localAddress: facts.localAddress,
      dsnPassedOn: facts.extensions.dsn,
      durationMs: this.#now() - how.startedAtMs,
      ...(facts.tls === undefined ? {} : { tls: facts.tls }),
    };
  }

  #unopened(opened: OpeningResult & { readonly ok: false }, startedAtMs: number): TransactionReport {
    const { phase, cause } = opened.failure;
    return {
      connectionNumber: opened.connectionNumber,
      reused: false,
      ...(opened.localAddress === undefined ? {} : { localAddress: opened.localAddress }),
      accepted: [],
      refused: [],
      happening: {
        phase,
        cause,
        reused: false,
        firstCommand: false,
        rcptAccepted: false,
        terminatorSent: false,
        sameHostRetried: false,
      },
      fenced: false,
      dsnPassedOn: false,
      phase,
      durationMs: this.#now() - startedAtMs,
    };
  }

  #giveBack(connection: HostConnection): void {
    const { messagesPerConnectionMax, idleConnectionMs } = this.#options;
    if (this.#closing || connection.transactions >= messagesPerConnectionMax) return this.#retire(connection);
    // Whatever an idle connection says or does (421, EOF, anything else): it is not used again, and that is nobody's fault.
    const drop = (): void => {
      this.#idle.remove(connection);
      connection.destroy();
    };
    connection.use({ reply: drop, lost: drop, outOfStep: drop, expired: () => this.#retire(connection) });
    connection.waitUntil(this.#now() + idleConnectionMs);
    this.#idle.add(connection);
    this.#waiters.announce(connection.facts.host.key);
  }

  #retire(connection: HostConnection): void {
    this.#idle.remove(connection);
    sayFarewell(connection, this.#now());
  }

  #closed(event: {
    readonly host: Host;
    readonly connectionNumber: number;
    readonly connectionId: string;
  }): void {
    this.#held.delete(event.connectionId);
    this.#options.events.closed(event);
    this.#waiters.announce(event.host.key);
    if (this.#held.size === 0) this.#allClosed?.();
  }
}
