/**
 * How long a client may take. The socket's own time-out begins anew with every octet, so a client that sends one now and
 * then would stay for ever; these limits count from what the client owes to when it is whole.
 */
export interface PatienceLimits {
  /** For a whole command, for a handshake, and for the beginning of a message. */
  readonly idleMs: number;
  /** A client that may not relay must have logged in by then. */
  readonly loginMs: number;
  /** From the greeting, or the end of one message, to the end of the next. */
  readonly transactionMs: number;
  readonly dataBytesPerSecondMin: number;
}

/** A session as the sweep finds it. Times are of the sweep's clock, less what we kept the client waiting. */
export interface Progress {
  readonly nowMs: number;
  readonly connectedMs: number;
  /** Since when it has owed a command or a message. */
  readonly owingSinceMs: number;
  readonly transactionSinceMs: number;
  /** Bytes of the message that is coming in; undefined: a command is due. */
  readonly dataBytes: number | undefined;
  readonly mayRelay: boolean;
}

export type Impatience = 'command' | 'data' | 'login' | 'transaction';

/** What the client has been too slow with, if with anything. */
export function judgePatience(progress: Progress, limits: PatienceLimits): Impatience | undefined {
  const { nowMs, dataBytes } = progress;
  if (!progress.mayRelay && nowMs - progress.connectedMs >= limits.loginMs) return 'login';
  if (nowMs - progress.transactionSinceMs >= limits.transactionMs) return 'transaction';
  const owedMs = nowMs - progress.owingSinceMs;
  if (dataBytes === undefined) return owedMs >= limits.idleMs ? 'command' : undefined;
  const earnedMs = (dataBytes * 1000) / limits.dataBytesPerSecondMin;
  return owedMs >= limits.idleMs + earnedMs ? 'data' : undefined;
}

/** How often to look, so that a limit is kept to within a quarter of it, and a second at most. */
export function sweepIntervalMs(limits: PatienceLimits): number {
  return Math.min(1000, limits.idleMs / 4, limits.loginMs / 4, limits.transactionMs / 4);
}

/** The times of one session. A time not set is newer than the last sweep: events cost no look at a clock. */
export class Patience {
  readonly #limits: PatienceLimits;
  #sweptMs = 0;
  #connectedMs: number | undefined;
  #owingSinceMs: number | undefined;
  #transactionSinceMs: number | undefined;

  constructor(limits: PatienceLimits) {
    this.#limits = limits;
  }

  /** A whole command came, or data may begin. */
  commandCame(): void {
    this.#owingSinceMs = undefined;
  }

  transactionEnded(): void {
    this.#owingSinceMs = undefined;
    this.#transactionSinceMs = undefined;
  }

  /** `weAreSlow`: the client waits for us, and the time since the last look is not its own. */
  judge(
    nowMs: number,
    session: { readonly weAreSlow: boolean } & Pick<Progress, 'dataBytes' | 'mayRelay'>,
  ): Impatience | undefined {
    const oursMs = session.weAreSlow ? nowMs - this.#sweptMs : 0;
    this.#sweptMs = nowMs;
    this.#connectedMs ??= nowMs;
    this.#owingSinceMs = this.#owingSinceMs === undefined ? nowMs : this.#owingSinceMs + oursMs;
    this.#transactionSinceMs =
      this.#transactionSinceMs === undefined ? nowMs : this.#transactionSinceMs + oursMs;
    // While its message is being stored it owes nothing: the time that its data took is not time without a command.
    if (session.weAreSlow) return undefined;
    return judgePatience(
      {
        nowMs,
        connectedMs: this.#connectedMs,
        owingSinceMs: this.#owingSinceMs,
        transactionSinceMs: this.#transactionSinceMs,
        dataBytes: session.dataBytes,
        mayRelay: session.mayRelay,
      },
      this.#limits,
    );
  }
}
