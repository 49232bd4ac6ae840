/**
 * How many jobs this process works on at once, and how they are shared out. Many streams are cheap (they wait for sockets),
 * but a destination whose hosts accept connections and never greet holds each of its streams for a whole time-out. So no
 * destination may take more than a share of what is free: the next one always finds a stream (acceptance 13).
 */
export interface StreamLimits {
  readonly streamsMax: number;
  readonly perDestinationMax: number;
  /** Streams for a destination that has not lately delivered here: grows with its first successes. */
  readonly unprovenMax: number;
  /** One destination has at most a `freeShare`-th of the streams that nobody else uses. */
  readonly freeShare: number;
  /** Streams that only destinations which have lately delivered here may take. */
  readonly reserved: number;
  /** Destinations whose success is remembered. */
  readonly provenMax: number;
  readonly provenMs: number;
  readonly bodiesInFlightBytesMax: number;
}

export class StreamBudget {
  readonly #limits: StreamLimits;
  readonly #monotonicMs: () => number;
  readonly #provenUntil = new Map<string, number>();
  #busy = 0;
  #bodyBytes = 0;

  constructor(limits: StreamLimits, monotonicMs: () => number) {
    this.#limits = limits;
    this.#monotonicMs = monotonicMs;
  }

  get busy(): number {
    return this.#busy;
  }

  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  get free(): number {
    if (this.#bodyBytes >= this.#limits.bodiesInFlightBytesMax) return 0;
    return Math.max(0, this.#limits.streamsMax - this.#busy);
  }

  /**
   * Streams that a visit to this destination may have now, those it already has included. 0: none; the claim's hold brings
   * the destination back. What many slow destinations take shrinks with what is left, and the reserve is not for them.
   */
  allowance(destination: string, used: number): number {
    const proven = this.#isProven(destination);
    const free = proven ? this.free : Math.max(0, this.free - this.#limits.reserved);
    if (free === 0) return used;
    const most = proven ? this.#limits.perDestinationMax : this.#limits.unprovenMax;
    return Math.min(most, Math.max(used > 0 ? used : 1, Math.floor((free + used) / this.#limits.freeShare)));
  }

  enter(): void {
    this.#busy += 1;
  }

  leave(): void {
    this.#busy -= 1;
  }

  holdBody(bytes: number): void {
    this.#bodyBytes += bytes;
  }

  dropBody(bytes: number): void {
    this.#bodyBytes -= bytes;
  }

  /** The destination took a message: it may use its full number of streams for a while. */
  proven(destination: string): void {
    // To the end of the order in which they are forgotten; told with every message, so only when that may be soon.
    if (this.#provenUntil.size > this.#limits.provenMax / 2) this.#provenUntil.delete(destination);
    this.#provenUntil.set(destination, this.#monotonicMs() + this.#limits.provenMs);
    if (this.#provenUntil.size > this.#limits.provenMax) {
      const oldest = this.#provenUntil.keys().next();
      if (oldest.done !== true) this.#provenUntil.delete(oldest.value);
    }
  }

  /** No host of it answered: back to few streams. */
  disproven(destination: string): void {
    this.#provenUntil.delete(destination);
  }

  #isProven(destination: string): boolean {
    const until = this.#provenUntil.get(destination);
    return until !== undefined && until > this.#monotonicMs();
  }
}
