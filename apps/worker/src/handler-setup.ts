/** Settings and edges -> the job handler of this process. */
import { randomBytes } from 'node:crypto';
import type { HeldJob } from '@mailwheel/queue';
import { judge } from '@mailwheel/verdict';
import type { AttemptDependencies } from './attempt/attempt.ts';
import { persist, type PersistOptions } from './conclude/persist.ts';
import { JobHandler } from './handle-job.ts';
import type { StreamBudget } from './serve/streams.ts';
import type { WorkerDependencies } from './worker.ts';

export interface HandlerSetup extends WorkerDependencies {
  readonly budget: StreamBudget;
  /** Ends early when a second signal hastens the stop. */
  readonly wait: (ms: number) => Promise<void>;
}

export function createHandler(setup: HandlerSetup): JobHandler {
  const { settings, store, edges, watch, budget, lifecycle, wait } = setup;
  const persistence: PersistOptions = {
    firstWaitMs: 100,
    longestWaitMs: 2000,
    refusalsMax: 100,
    wait,
    mayGoOn: () => !lifecycle.hasten.aborted,
    onHeld: (cause) => watch.held(cause),
  };
  return new JobHandler({
    attempt: attemptDependencies(setup, persistence),
    resolver: edges.resolver,
    spool: store.spool,
    queues: store.queues,
    budget,
    persistence,
    keepFailed: settings.bounced.keepSeconds > 0,
    reports: {
      acceptor: store.acceptor,
      settings: {
        hostname: settings.hostname,
        senderName: settings.bounce.senderName,
        wholeMessageBytesMax: settings.bounce.wholeMessageBytesMax,
        ...(settings.bounce.postmasterCopy === undefined
          ? {}
          : { postmasterCopy: settings.bounce.postmasterCopy }),
        shards: settings.redis.shards,
      },
      nowMs: () => store.clock.nowMs(),
      boundary: () => randomBytes(12).toString('hex'),
      watch,
    },
    settings: {
      retry: settings.retry,
      unknownOutcome: settings.delivery.unknownOutcome,
      delayWarningSeconds: settings.bounce.delayWarningSeconds,
      delayWarningsMax: settings.bounce.delayWarningsMax,
      lastRepliesMax: settings.delivery.hostsPerAttemptMax,
      crashesPerMessageMax: settings.worker.crashesPerMessageMax,
      putBackMs: 1000,
      restMsMax: 60_000,
    },
    random: Math.random,
    watch,
  });
}

function attemptDependencies(setup: HandlerSetup, persistence: PersistOptions): AttemptDependencies {
  const { settings, store, edges, watch } = setup;
  const { queues } = store;
  return {
    rotation: edges.rotation,
    delivery: edges.delivery,
    judge: (happening) => judge(happening, settings.delivery.verdicts),
    // Synchronous while the lock is certain, which is nearly always: the body waits for nothing.
    fence: (job: HeldJob) => queues.lockIsCertain(job) || queues.renewLock(job),
    tally: edges.tally,
    plainText: edges.plainText,
    nowMs: () => store.clock.nowMs(),
    monotonicMs: () => performance.now(),
    limits: {
      hostsPerAttemptMax: settings.delivery.hostsPerAttemptMax,
      attemptMs: settings.delivery.attemptSeconds * 1000,
      busyWaitsMax: 4,
      busyWaitMs: 500,
    },
    watch,
    recordSoFar: async (job, sofar) => {
      await persist(persistence, async () => store.spool.record(job.data.message, sofar));
    },
  };
}
