/**
 * One coarse timer for all connections of a process: each states the moment after which it has waited too long, and is told.
 * A timer per command would cost more than the commands. Limits are overrun by up to two ticks: who is late is told at the
 * second tick that finds him late, so that a process that stood still (paused, starved) first reads what came meanwhile.
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
  /** Late at the last tick, with the limit they were late for. */
  #late = new Map<Watched, number>();
  #timer: NodeJS.Timeout | undefined;

  /** Ticks a tenth of the shortest limit in use apart, within 5 to 250 ms. */
  constructor(now: () => number, shortestLimitMs: number) {
    this.#now = now;
    this.#tickMs = Math.min(tickMsMax, Math.max(tickMsMin, shortestLimitMs / 10));
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
    const late = new Map<Watched, number>();
    for (const watched of this.#watched) {
      const { limitAtMs } = watched;
      if (limitAtMs > nowMs) continue;
      if (this.#late.get(watched) === limitAtMs) watched.expire();
      else late.set(watched, limitAtMs);
    }
    this.#late = late;
  }
}
