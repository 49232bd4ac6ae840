/**
 * Claims destinations that are due and visits them, as many at once as there are streams. One loop per shard; wake-ups
 * come as hints from accepts, or from the next due time.
 */
import type { DestinationKey } from '@mailwheel/envelope';
import type { DestinationQueues } from '@mailwheel/queue';
import type { StreamBudget } from './streams.ts';
import { Visit, type VisitDependencies } from './visit.ts';

export interface DispatcherOptions {
  readonly shard: number;
  readonly claimMax: number;
  /** Destinations whose stream count is remembered from one visit to the next. */
  readonly resumeMax: number;
  /** Longest wait for a hint; a lost hint costs at most that. */
  readonly hintWaitMs: number;
  /** Pause after a failed claim (Redis away). */
  readonly troubleWaitMs: number;
  /** How often visits with busy streams may grow by one. */
  readonly growMs: number;
}

export interface DispatcherDependencies {
  readonly queues: Pick<DestinationQueues, 'claim' | 'awaitHint' | 'take' | 'settle'>;
  readonly budget: StreamBudget;
  readonly visit: VisitDependencies;
  /** False while this process's clock is off: a claim would only keep the destinations from those who can serve them. */
  readonly mayClaim: () => boolean;
  /** The same once a claim has told Redis's time (`onClock`). */
  readonly mayFetch: () => boolean;
  readonly mayGoOn: () => boolean;
  readonly onClock: (redisNowMs: number) => void;
  readonly onTrouble: (cause: unknown) => void;
  readonly wait: (ms: number) => Promise<void>;
}

export class Dispatcher {
  readonly #deps: DispatcherDependencies;
  readonly #options: DispatcherOptions;
  readonly #visits = new Map<
    DestinationKey,
    { readonly visit: Visit; readonly done: Promise<void>; again: boolean }
  >();
  /** Destinations whose last visit ended with more waiting, and how many streams it had: the next one starts there. */
  readonly #resume = new Map<DestinationKey, number>();
  #wake: (() => void) | undefined;
  #growTimer: NodeJS.Timeout | undefined;

  constructor(deps: DispatcherDependencies, options: DispatcherOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  get visiting(): number {
    return this.#visits.size;
  }

  /** Runs until `mayGoOn` says no and the last visit has ended. */
  async run(): Promise<void> {
    this.#growTimer = setInterval(() => {
      for (const { visit } of this.#visits.values()) visit.growSlowly();
    }, this.#options.growMs);
    try {
      while (this.#deps.mayGoOn()) await this.#round();
    } finally {
      clearInterval(this.#growTimer);
      await Promise.all([...this.#visits.values()].map((entry) => entry.done));
    }
  }

  async #round(): Promise<void> {
    if (this.#deps.budget.free === 0) {
      await this.#streamFreed();
      return;
    }
    if (!this.#deps.mayClaim()) {
      await this.#deps.wait(this.#options.hintWaitMs);
      return;
    }
    try {
      const count = Math.min(this.#options.claimMax, this.#deps.budget.free);
      const claim = await this.#deps.queues.claim(this.#options.shard, count);
      this.#deps.onClock(claim.nowMs);
      if (!this.#deps.mayFetch()) {
        await this.#deps.wait(this.#options.hintWaitMs);
        return;
      }
      for (const destination of claim.destinations) this.#begin(destination);
      if (claim.destinations.length >= count) return;
      const untilNextMs =
        claim.nextDueMs === undefined ? this.#options.hintWaitMs : claim.nextDueMs - claim.nowMs;
      if (untilNextMs > 0) {
        await this.#deps.queues.awaitHint(
          this.#options.shard,
          Math.min(this.#options.hintWaitMs, untilNextMs),
        );
      }
    } catch (cause) {
      this.#deps.onTrouble(cause);
      await this.#deps.wait(this.#options.troubleWaitMs);
    }
  }

  #begin(destination: DestinationKey): void {
    const running = this.#visits.get(destination);
    if (running !== undefined) {
      // Its settle may already be on the wire, and the job we were called for written after it: look again at its end,
      // or that job would wait for the claim's hold.
      running.again = true;
      return;
    }
    const allowed = this.#deps.budget.allowance(destination, 0);
    if (allowed === 0) return; // the claim's hold brings it back
    const visit = new Visit(this.#deps.visit, destination);
    const streams = Math.min(allowed, this.#resume.get(destination) ?? 1);
    this.#resume.delete(destination);
    const done = visit
      .run(streams)
      .then((end) => {
        if (end.saturated && this.#resume.size < this.#options.resumeMax)
          this.#resume.set(destination, end.streamsMax);
        return end.rests;
      })
      .catch((cause: unknown) => {
        this.#deps.onTrouble(cause);
        return true;
      })
      .then((rests) => {
        const again = this.#visits.get(destination)?.again === true && !rests;
        this.#visits.delete(destination);
        this.#wake?.();
        if (again && this.#deps.mayGoOn() && this.#deps.mayFetch()) this.#begin(destination);
      });
    this.#visits.set(destination, { visit, done, again: false });
  }

  async #streamFreed(): Promise<void> {
    const freed = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([freed, this.#deps.wait(this.#options.hintWaitMs)]);
    this.#wake = undefined;
  }
}
