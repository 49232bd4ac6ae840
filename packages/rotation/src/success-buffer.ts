/**
 * Successes on their way to Redis, by host. In a healthy tier every message is one, and each would cost its pick a write; so
 * they are handed on together, at most once in `paceMs` for a host. What a process had not passed on when it dies is lost,
 * which costs a new host a slower start.
 */
export class SuccessBuffer {
  readonly #waiting = new Map<string, number>();
  readonly #sentAtMs = new Map<string, number>();
  readonly #paceMs: number;
  readonly #hostsMax: number;

  constructor(options: { readonly paceMs: number; readonly hostsMax: number }) {
    this.#paceMs = options.paceMs;
    this.#hostsMax = options.hostsMax;
  }

  add(successes: ReadonlyMap<string, number> | undefined): void {
    if (successes === undefined) return;
    for (const [host, count] of successes) {
      if (this.#waiting.size >= this.#hostsMax && !this.#waiting.has(host)) continue;
      this.#waiting.set(host, (this.#waiting.get(host) ?? 0) + count);
    }
  }

  /** Pairs of host and count that may go now; they count as sent. */
  take(monotonicMs: number): (string | number)[] {
    const pairs: (string | number)[] = [];
    for (const [host, count] of this.#waiting) {
      const sentAtMs = this.#sentAtMs.get(host);
      if (sentAtMs !== undefined && monotonicMs - sentAtMs < this.#paceMs) continue;
      pairs.push(host, count);
      this.#waiting.delete(host);
      this.#sentAtMs.delete(host);
      this.#sentAtMs.set(host, monotonicMs);
    }
    this.#forgetOld(monotonicMs);
    return pairs;
  }

  #forgetOld(monotonicMs: number): void {
    for (const [host, sentAtMs] of this.#sentAtMs) {
      if (monotonicMs - sentAtMs < this.#paceMs) return; // in the order in which they were sent
      this.#sentAtMs.delete(host);
    }
  }
}
