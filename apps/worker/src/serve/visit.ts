/**
 * One visit to a destination's queue: a bounded number of streams take its jobs one after the other, give way after a
 * quantum, and then the due index is settled from the queue's real state (algorithm B, `serve`).
 *
 * A visit starts with one stream. It grows when the queue proves to hold more (a fetch-next brought a job), and slowly
 * while its streams are busy for long, up to what the stream budget allows.
 */
import type { DestinationKey } from '@mailwheel/envelope';
import type { DestinationQueues, HeldJob, Taken } from '@mailwheel/queue';
import type { StreamBudget } from './streams.ts';

/** What became of one job, and what the visit should know. */
export interface Handled {
  /** The next job of the same queue, fetched by the move; absent: nothing was fetched. */
  readonly next?: HeldJob;
  /** The destination rests until then (Redis's clock): the visit ends. */
  readonly restUntilMs?: number;
}

export type HandleJob = (job: HeldJob, wantNext: () => boolean) => Promise<Handled>;

export interface VisitDependencies {
  readonly queues: Pick<DestinationQueues, 'take' | 'settle'>;
  readonly handle: HandleJob;
  readonly budget: StreamBudget;
  readonly monotonicMs: () => number;
  readonly quantumMs: number;
  readonly quantumJobs: number;
  /** After an empty answer no further stream is started for this long: a queue in balance would cost two fetches a job. */
  readonly emptyPauseMs: number;
  readonly mayGoOn: () => boolean;
  /** Stops a job's failure from ending the visit unseen. */
  readonly onTrouble: (destination: DestinationKey, cause: unknown) => void;
}

export class Visit {
  readonly destination: DestinationKey;
  readonly #deps: VisitDependencies;
  readonly #endsAtMs: number;
  readonly #streams = new Set<Promise<void>>();
  /** Streams that hold a job now, and since when the youngest of them does. */
  #working = 0;
  #tookAny = false;
  /** When the queue last had nothing to give. A fetched job after it proves a backlog again. */
  #emptyAtMs = Number.NEGATIVE_INFINITY;
  /** A stream gave way with the quantum over, not because the queue was empty. */
  #gaveWay = false;
  #restUntilMs: number | undefined;

  constructor(deps: VisitDependencies, destination: DestinationKey) {
    this.#deps = deps;
    this.destination = destination;
    this.#endsAtMs = deps.monotonicMs() + deps.quantumMs;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Resolves when the last stream has ended and the index is settled. `saturated`: ended by the quantum, more is waiting. */
  async run(
    streamsAtStart: number,
  ): Promise<{ readonly saturated: boolean; readonly rests: boolean; readonly streamsMax: number }> {
    let streamsMax = 0;
    for (let count = 0; count < streamsAtStart; count += 1) this.#spawn();
    while (this.#streams.size > 0) {
      streamsMax = Math.max(streamsMax, this.#streams.size);
      await Promise.race(this.#streams);
    }
    const rest = this.#restUntilMs;
    await this.#deps.queues.settle(this.destination, {
      took: this.#tookAny,
      ...(rest === undefined ? {} : { notBeforeMs: rest }),
    });
    return { saturated: this.#gaveWay && rest === undefined, rests: rest !== undefined, streamsMax };
  }

  /** Called by a slow ticker: all streams have been busy for a while, so one more looks whether there is more. */
  growSlowly(): void {
    if (this.#working === this.#streams.size && this.#streams.size > 0) this.#grow();
  }

  #grow(): void {
    if (!this.#wantsMore() || this.#deps.monotonicMs() - this.#emptyAtMs < this.#deps.emptyPauseMs) return;
    if (this.#streams.size < this.#deps.budget.allowance(this.destination, this.#streams.size)) this.#spawn();
  }

  #wantsMore(): boolean {
    return (
      this.#restUntilMs === undefined && this.#deps.mayGoOn() && this.#deps.monotonicMs() < this.#endsAtMs
    );
  }

  #spawn(): void {
    this.#deps.budget.enter();
    const stream: Promise<void> = this.#stream().finally(() => {
      this.#deps.budget.leave();
      this.#streams.delete(stream);
    });
    this.#streams.add(stream);
  }

  async #stream(): Promise<void> {
    try {
      const taken: Taken = await this.#deps.queues.take(this.destination);
      if (taken.kind === 'nothing') {
        this.#emptyAtMs = this.#deps.monotonicMs();
        return;
      }
      this.#tookAny = true;
      await this.#work(taken.job);
    } catch (cause) {
      this.#deps.onTrouble(this.destination, cause);
    }
  }

  async #work(first: HeldJob): Promise<void> {
    let job: HeldJob | undefined = first;
    let jobs = 0;
    while (job !== undefined) {
      jobs += 1;
      const isLast = jobs >= this.#deps.quantumJobs;
      this.#working += 1;
      let handled: Handled;
      try {
        handled = await this.#deps.handle(job, () => !isLast && this.#wantsMore());
      } finally {
        this.#working -= 1;
      }
      if (handled.restUntilMs !== undefined) {
        this.#restUntilMs = Math.min(this.#restUntilMs ?? Number.POSITIVE_INFINITY, handled.restUntilMs);
      }
      job = handled.next;
      if (job !== undefined) this.#grow();
      else if (!isLast && this.#wantsMore()) this.#emptyAtMs = this.#deps.monotonicMs();
      else this.#gaveWay = true;
    }
  }
}
