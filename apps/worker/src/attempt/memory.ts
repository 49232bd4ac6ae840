/** What a process remembers about hosts between attempts. Bounded; losing it costs a handshake or a slower start. */
import type { Tier } from '@mailwheel/routing';

/** Hosts whose STARTTLS failed under the opportunistic policy: plain text for an hour (rules.md, row 3). */
export class PlainTextMemory {
  readonly #until = new Map<string, number>();
  readonly #keepMs: number;
  readonly #hostsMax: number;

  constructor(options: { readonly keepMs: number; readonly hostsMax: number }) {
    this.#keepMs = options.keepMs;
    this.#hostsMax = options.hostsMax;
  }

  remember(hostKey: string, monotonicMs: number): void {
    this.#until.delete(hostKey);
    this.#until.set(hostKey, monotonicMs + this.#keepMs);
    if (this.#until.size > this.#hostsMax) {
      const oldest = this.#until.keys().next();
      if (oldest.done !== true) this.#until.delete(oldest.value);
    }
  }

  has(hostKey: string, monotonicMs: number): boolean {
    const until = this.#until.get(hostKey);
    if (until === undefined) return false;
    if (until > monotonicMs) return true;
    this.#until.delete(hostKey);
    return false;
  }
}

/** Successes since the last pick, by host: they ride on the next pick and raise a new host's connection limit. */
export class SuccessTally {
  readonly #counts = new Map<string, number>();
  readonly #hostsMax: number;

  constructor(hostsMax: number) {
    this.#hostsMax = hostsMax;
  }

  add(hostKey: string): void {
    const count = this.#counts.get(hostKey);
    if (count === undefined && this.#counts.size >= this.#hostsMax) return;
    this.#counts.set(hostKey, (count ?? 0) + 1);
  }

  /** Counts of these tiers' hosts, which are then zero again. */
  take(tiers: readonly Tier[]): ReadonlyMap<string, number> {
    const taken = new Map<string, number>();
    if (this.#counts.size === 0) return taken;
    for (const tier of tiers) {
      for (const host of tier.hosts) {
        const count = this.#counts.get(host.key);
        if (count === undefined) continue;
        taken.set(host.key, count);
        this.#counts.delete(host.key);
      }
    }
    return taken;
  }
}
