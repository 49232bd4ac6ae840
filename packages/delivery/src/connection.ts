/**
 * One open connection to a destination host, ready for transactions. It reads replies, writes commands, keeps the time limit
 * and tells its present user; it does not know what a transaction is. Who uses it is its state: a transaction, the pool while
 * it is idle, or the farewell after QUIT.
 */
import type { Socket } from 'node:net';
import type { Host } from '@mailwheel/routing';
import type { Extensions } from './extensions.ts';
import { ReplyReader } from './reply-reader.ts';
import type { TransactionReport } from './types.ts';
import type { Watchdog, Watched } from './watchdog.ts';

/** Whoever holds the connection now. Each call but `reply` is the last one: the connection is of no use afterwards. */
export interface ConnectionUser {
  /** A finished reply as it came, lines joined by `\n`; `more`: the host had gone on talking when it came. */
  reply(text: string, more: boolean): void;
  /** EOF, reset, or a failed write. */
  lost(detail: string): void;
  /** The host said more than a reply may have, or something that is none. */
  outOfStep(detail: string): void;
  /** The limit set by `waitUntil` has passed. */
  expired(): void;
}

export interface ConnectionFacts {
  readonly host: Host;
  readonly connectionId: string;
  /** DCID. */
  readonly number: number;
  readonly localAddress: string;
  readonly extensions: Extensions;
  readonly tls: NonNullable<TransactionReport['tls']> | undefined;
}

export class HostConnection implements Watched {
  readonly facts: ConnectionFacts;
  /** Transactions begun on it. */
  transactions = 0;
  /** The host may still hold a transaction that failed: RSET comes before the next MAIL. */
  needsReset = false;
  limitAtMs: number = Infinity;
  readonly #socket: Socket;
  readonly #watchdog: Watchdog;
  readonly #reader = new ReplyReader();
  #user: ConnectionUser | undefined;
  /** Nothing more is read, written or told. */
  #over = false;

  constructor(socket: Socket, facts: ConnectionFacts, watchdog: Watchdog) {
    this.facts = facts;
    this.#socket = socket;
    this.#watchdog = watchdog;
    watchdog.add(this);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#ended());
    socket.on('close', () => this.lose('the connection was closed'));
  }

  /** From now on this user is told everything. */
  use(user: ConnectionUser): void {
    this.#user = user;
  }

  /** False once the connection cannot carry a command any more, though its end may not have been told yet. */
  get usable(): boolean {
    return !this.#over && this.#socket.writable;
  }

  send(commands: string): void {
    if (!this.#over) this.#socket.write(commands);
  }

  /** Everything in one write (writev), without joining it in memory. */
  sendTogether(first: Buffer, second: Buffer): void {
    if (this.#over) return;
    this.#socket.cork();
    this.#socket.write(first);
    this.#socket.write(second);
    this.#socket.uncork();
  }

  /** `taken` is called when the block has left this process. It may come after the connection is over. */
  sendBlock(block: Buffer, taken: () => void): void {
    if (this.#over) return;
    this.#socket.write(block, (error) => {
      if (error === undefined || error === null) taken();
    });
  }

  /** The user is told `expired` when this moment has passed. */
  waitUntil(limitAtMs: number): void {
    this.limitAtMs = limitAtMs;
  }

  expire(): void {
    this.limitAtMs = Infinity;
    this.#user?.expired();
  }

  /** Tells the user that the connection is gone, if it does not know yet, and makes sure that it is. */
  lose(detail: string): void {
    if (this.#over) return;
    const refusal = this.#reader.unfinishedRefusal();
    if (refusal !== undefined) this.#user?.reply(refusal, false);
    if (this.#isOver()) return;
    const user = this.#user;
    this.destroy();
    user?.lost(detail);
  }

  /** The peer broke the protocol. */
  breakOff(detail: string): void {
    if (this.#over) return;
    const user = this.#user;
    this.destroy();
    user?.outOfStep(detail);
  }

  /** Ends the connection at once and without a word; nobody is told. */
  destroy(): void {
    if (this.#over) return;
    this.#over = true;
    this.#user = undefined;
    this.#watchdog.delete(this);
    this.#socket.destroy();
  }

  /** Replies may end the connection; the compiler would not believe that `#over` changed. */
  #isOver(): boolean {
    return this.#over;
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    const fits = this.#reader.feed(chunk, (reply, more) => {
      this.#user?.reply(reply, more);
      return !this.#over;
    });
    if (!fits) this.breakOff('the host does not end its reply');
  }

  #ended(): void {
    this.lose('the host closed the connection');
  }
}
