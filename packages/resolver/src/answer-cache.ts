/**
 * A bounded cache of answers that take time to get. Concurrent askers of one key share one look-up. An answer that has
 * run out is still given for a while if it is worth more than waiting, and renewed behind the asker's back; a renewal that
 * fails leaves it in place (RFC 8767).
 */

export interface Loaded<V> {
  readonly value: V;
  /** How long it is fresh. */
  readonly freshMs: number;
  /** How long after that it may still be given while a renewal runs or fails; 0 for answers that must not outlive their time. */
  readonly staleMs: number;
  /** The look-up itself failed: an older answer that may still be given is better. */
  readonly failed: boolean;
}

interface Entry<V> {
  readonly value: V;
  readonly freshUntilMs: number;
  readonly usableUntilMs: number;
  /** A renewal failed: not tried again before. */
  readonly renewAtMs: number;
}

export class AnswerCache<K, V> {
  readonly #entriesMax: number;
  readonly #now: () => number;
  readonly #entries = new Map<K, Entry<V>>();
  readonly #running = new Map<K, Promise<V>>();

  constructor(entriesMax: number, now: () => number) {
    this.#entriesMax = entriesMax;
    this.#now = now;
  }

  /** The answer if it is fresh. */
  fresh(key: K): V | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#now() < entry.freshUntilMs ? entry.value : undefined;
  }

  /** A fresh or usable answer, else what `load` finds. Rejects only if `load` does and nothing older is usable. */
  get(key: K, load: () => Promise<Loaded<V>>): Promise<V> {
    const entry = this.#entries.get(key);
    const nowMs = this.#now();
    if (entry === undefined || nowMs >= entry.usableUntilMs) return this.#renew(key, load);
    if (nowMs >= entry.freshUntilMs && nowMs >= entry.renewAtMs) {
      // The asker has an answer; whoever comes when this one has run out sees the fault.
      this.#renew(key, load).catch(() => undefined);
    }
    return Promise.resolve(entry.value);
  }

  /** Entries held, those that have run out included; never more than the limit. */
  get size(): number {
    return this.#entries.size;
  }

  #renew(key: K, load: () => Promise<Loaded<V>>): Promise<V> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const renewal = load()
      .then((loaded) => this.keep(key, loaded))
      .finally(() => this.#running.delete(key));
    this.#running.set(key, renewal);
    return renewal;
  }

  /** Stores an answer that took no asking; gives the one that holds now. */
  keep(key: K, { value, freshMs, staleMs, failed }: Loaded<V>): V {
    const nowMs = this.#now();
    const older = this.#entries.get(key);
    if (failed && older !== undefined && nowMs < older.usableUntilMs) {
      this.#put(key, { ...older, renewAtMs: nowMs + freshMs });
      return older.value;
    }
    if (freshMs > 0) {
      const freshUntilMs = nowMs + freshMs;
      this.#put(key, { value, freshUntilMs, usableUntilMs: freshUntilMs + staleMs, renewAtMs: freshUntilMs });
    } else {
      this.#entries.delete(key);
    }
    return value;
  }

  /** The entry renewed longest ago makes room: what is asked for often is renewed often. */
  #put(key: K, entry: Entry<V>): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size <= this.#entriesMax) return;
    const oldest = this.#entries.keys().next();
    if (oldest.done !== true) this.#entries.delete(oldest.value);
  }
}
