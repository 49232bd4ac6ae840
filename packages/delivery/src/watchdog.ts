/**
 * One coarse timer for all connections of a process: each states the moment after which it has waited too long, and is told.
 * A timer per command would cost more than the commands. Limits are therefore overrun by up to one tick.
 */

export interface Watched {
  /** Monotonic milliseconds; Infinity: no limit. */
  readonly limitAtMs: number;
  /** The limit has passed. */
  expire(): void;
}

const tickMsMin = 5;
const tickMsMax = 250;

export class Watchdog {
  readonly #now: () => number;
  readonly #tickMs: number;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;

  /** Ticks a fifth of the shortest limit in use apart, within 5 to 250 ms. */
  constructor(now: () => number, shortestLimitMs: number) {
    this.#now = now;
    this.#tickMs = Math.min(tickMsMax, Math.max(tickMsMin, shortestLimitMs / 5));
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
    // Not unref'd: somebody waits for what is watched, and an open socket would keep the process alive as well.
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs);
  }

  delete(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const nowMs = this.#now();
    for (const watched of this.#watched) if (watched.limitAtMs <= nowMs) watched.expire();
  }
}
