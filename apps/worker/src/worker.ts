/** The parts of a worker put together: dispatchers, job handler, upkeep. What it may do is asked of one place, here. */
import type { Store } from '@mailwheel/assembly';
import type { Lifecycle } from '@mailwheel/lifecycle';
import type { Settings } from '@mailwheel/settings';
import type { Readiness } from '@mailwheel/telemetry';
import type { Edges } from './edges.ts';
import { createHandler } from './handler-setup.ts';
import { Dispatcher } from './serve/dispatcher.ts';
import { StreamBudget } from './serve/streams.ts';
import { within } from './within.ts';
import { startUpkeep } from './upkeep/start.ts';
import type { Recurring } from './upkeep/recurring.ts';
import type { WorkerMetrics, WorkerWatch } from './watch/worker-watch.ts';

export interface WorkerDependencies {
  readonly settings: Settings;
  readonly store: Store;
  readonly edges: Edges;
  readonly watch: WorkerWatch;
  readonly metrics: WorkerMetrics;
  readonly name: string;
  readonly lifecycle: Lifecycle;
}

/** Streams an unproven destination may have; its hosts' own limit (`initialConnections`) is as low. */
const unprovenShare = 0.25;
/** Time for deliveries in flight once a stop is hastened: enough to write down what hosts have answered. */
const hastenedMs = 1_000;

export class Worker {
  readonly #deps: WorkerDependencies;
  readonly #budget: StreamBudget;
  readonly #dispatchers: Dispatcher[] = [];
  #running: Promise<unknown> = Promise.resolve();
  #upkeep: Recurring[] = [];
  #skewed = false;

  constructor(deps: WorkerDependencies) {
    this.#deps = deps;
    const { worker, delivery } = deps.settings;
    this.#budget = new StreamBudget(
      {
        streamsMax: worker.streams,
        perDestinationMax: worker.streamsPerDestination,
        unprovenMax: Math.max(1, Math.ceil(worker.streamsPerDestination * unprovenShare)),
        freeShare: 8,
        reserved: Math.floor(worker.streams / 10),
        provenMax: 10_000,
        provenMs: delivery.provenSeconds * 1000,
        bodiesInFlightBytesMax: worker.bodiesInFlightBytes,
      },
      () => performance.now(),
    );
  }

  start(): void {
    const { settings, store, watch, lifecycle, metrics } = this.#deps;
    const handler = createHandler({
      ...this.#deps,
      budget: this.#budget,
      wait: abortableWait(lifecycle.hasten),
    });
    const mayGoOn = (): boolean => !lifecycle.draining.aborted;
    const visit = {
      queues: store.queues,
      handle: handler.handle.bind(handler),
      budget: this.#budget,
      monotonicMs: () => performance.now(),
      quantumMs: settings.worker.quantumMs,
      quantumJobs: settings.worker.quantumJobs,
      emptyPauseMs: 5,
      // A fetch promotes what is due by this process's own clock, and that may have been set since the last claim.
      mayGoOn: () => mayGoOn() && this.#clockFits(),
      onTrouble: (destination: string, cause: unknown) => watch.trouble(`serving ${destination}`, cause),
    };
    const wait = abortableWait(lifecycle.draining);
    for (let shard = 0; shard < settings.redis.shards; shard += 1) {
      const dispatcher = new Dispatcher(
        {
          queues: store.queues,
          budget: this.#budget,
          visit,
          mayClaim: () => this.#clockFits(),
          mayFetch: () => !this.#skewed,
          mayGoOn,
          onClock: (redisNowMs) => this.#judgeClock(Date.now() - redisNowMs),
          onTrouble: (cause) => watch.trouble('claiming destinations', cause),
          wait,
        },
        { shard, claimMax: 64, resumeMax: 1000, hintWaitMs: 1000, troubleWaitMs: 500, growMs: 50 },
      );
      this.#dispatchers.push(dispatcher);
    }
    this.#running = Promise.all(this.#dispatchers.map(async (dispatcher) => dispatcher.run()));
    this.#upkeep = startUpkeep(this.#deps);
    metrics.process.heldJobs.readFrom(() => store.queues.heldJobs());
    metrics.process.bodiesInFlightBytes.readFrom(() => this.#budget.bodyBytes);
    metrics.process.redisUp.readFrom(() => (store.connected() ? 1 : 0));
    metrics.process.clockSkewSeconds.readFrom(() => store.clock.skewMs() / 1000);
  }

  /**
   * Takes nothing new (the lifecycle's `draining` says so), lets deliveries in flight end, then ends the upkeep. What a host
   * does not let end within `limitMs`, or `hastenedMs` after a second signal, is left: its lock runs out, and another worker
   * takes it up. That is no failure of the stop.
   */
  async stop(limitMs: number): Promise<void> {
    const { lifecycle, watch, store } = this.#deps;
    const ended = await within(this.#running, { limitMs, hasten: lifecycle.hasten, hastenedMs });
    if (!ended) watch.leftAtStop(store.queues.heldJobs());
    await Promise.all(this.#upkeep.map(async (task) => task.stop()));
  }

  readiness(): Readiness {
    const reasons: string[] = [];
    if (this.#deps.lifecycle.state() !== 'ready') reasons.push(this.#deps.lifecycle.state());
    if (!this.#deps.store.connected()) reasons.push('redis unavailable');
    if (this.#skewed) reasons.push('clock differs from the clock of redis');
    return { ready: reasons.length === 0, reasons };
  }

  /** As far as the last samples of Redis's clock tell, without asking it. */
  #clockFits(): boolean {
    this.#judgeClock(this.#deps.store.clock.skewMs());
    return !this.#skewed;
  }

  /** BullMQ promotes delayed jobs by this process's clock: a process that is off by too much fetches nothing. */
  #judgeClock(skewMs: number): void {
    const skewed = Math.abs(skewMs) > this.#deps.settings.clock.skewMsMax;
    if (skewed !== this.#skewed) this.#deps.watch.clock(skewed, skewMs);
    this.#skewed = skewed;
  }
}

/** Resolves after `ms`, or at once when the signal comes. */
function abortableWait(signal: AbortSignal): (ms: number) => Promise<void> {
  return async (ms) => {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
    });
  };
}
