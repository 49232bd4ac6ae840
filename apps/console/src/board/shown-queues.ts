/**
 * Which queues are on the dashboard: it asks Redis several things about each of them at every poll, so their number is bounded.
 * Those that somebody opened come first, the most recent of them, and the busiest fill the rest.
 */
import type { DestinationKey } from '@mailwheel/envelope';

export interface ShownQueuesOptions {
  /** Setting `console.boardQueuesMax`. */
  readonly queuesMax: number;
  readonly busiest: (limit: number) => Promise<readonly DestinationKey[]>;
  readonly show: (destination: DestinationKey) => void;
  readonly hide: (destination: DestinationKey) => void;
  /** Milliseconds, monotonic. */
  readonly monotonicMs: () => number;
}

/** The busiest are looked up again at most this often, and only while somebody looks. */
const refreshMs = 3000;
/** An opened queue that nobody asks for gives up its place. */
const keepOpenedMs = 30 * 60_000;

export class ShownQueues {
  readonly #options: ShownQueuesOptions;
  readonly #opened = new Map<DestinationKey, number>();
  readonly #shown = new Set<DestinationKey>();
  #busiest: readonly DestinationKey[] = [];
  #refreshing: Promise<void> | undefined;
  #freshUntilMs = -Infinity;

  constructor(options: ShownQueuesOptions) {
    this.#options = options;
  }

  /** Somebody looks at this queue: it is shown at once and stays while it is looked at. */
  open(destination: DestinationKey): void {
    this.#opened.delete(destination);
    this.#opened.set(destination, this.#options.monotonicMs());
    if (!this.#shown.has(destination)) this.#arrange();
  }

  /** Brings the set up to date if it is old. Rejects when the busiest cannot be read; what is shown stays. */
  async refresh(): Promise<void> {
    if (this.#options.monotonicMs() < this.#freshUntilMs) return;
    this.#refreshing ??= this.#readBusiest().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  shown(): readonly DestinationKey[] {
    return [...this.#shown];
  }

  async #readBusiest(): Promise<void> {
    this.#busiest = await this.#options.busiest(this.#options.queuesMax);
    this.#freshUntilMs = this.#options.monotonicMs() + refreshMs;
    this.#arrange();
  }

  #arrange(): void {
    const { queuesMax, monotonicMs, show, hide } = this.#options;
    const nowMs = monotonicMs();
    for (const [destination, atMs] of this.#opened) {
      if (atMs + keepOpenedMs <= nowMs) this.#opened.delete(destination);
    }
    // Half of the places stay with the busiest, however many queues people open.
    const places = Math.max(1, Math.floor(queuesMax / 2));
    const opened = [...this.#opened.keys()].toReversed();
    for (const destination of opened.splice(places)) this.#opened.delete(destination);
    const kept = new Set([...new Set([...opened, ...this.#busiest])].slice(0, queuesMax));
    for (const destination of this.#shown) {
      if (kept.has(destination)) continue;
      this.#shown.delete(destination);
      hide(destination);
    }
    for (const destination of kept) {
      if (this.#shown.has(destination)) continue;
      this.#shown.add(destination);
      show(destination);
    }
  }
}
