/** The recurring tasks of a worker, each with its pace. */
import type { WorkerDependencies } from '../worker.ts';
import { startRecurring, type Recurring } from './recurring.ts';
import { Releaser } from './release.ts';
import { takeSnapshot } from './snapshot.ts';
import { sweepStore, takeSweepDuty } from './sweep-duty.ts';
import { Sweeper } from './sweeper.ts';

const releasePauseMs = 500;
const snapshotPauseMs = 5000;
/** Between two portions of a sweep: at most 5 portions a second, whatever the backlog. */
const sweepPortionPauseMs = 200;

export function startUpkeep(deps: WorkerDependencies): Recurring[] {
  const { settings, store, edges, watch, metrics, name } = deps;
  const onTrouble = (name: string, cause: unknown): void => watch.trouble(name, cause);
  const releaser = new Releaser({
    rotation: edges.rotation,
    queues: store.queues,
    destinationsPerRound: 100,
    jobsPerRound: 500,
  });
  return [
    startRecurring({
      name: 'releasing waiting destinations',
      pauseMs: releasePauseMs,
      run: async () => releaser.round(),
      onTrouble,
    }),
    startRecurring({
      name: 'renewing connection leases',
      pauseMs: settings.worker.lockRenewSeconds * 1000,
      run: async () =>
        edges.rotation.renewConnections(
          edges.delivery
            .held()
            .map(({ host, connectionId }) => ({ host, connectionId: `${name}:${connectionId}` })),
        ),
      onTrouble,
    }),
    startRecurring({
      name: 'reading gauges',
      pauseMs: snapshotPauseMs,
      run: async () =>
        takeSnapshot({
          queues: store.queues,
          rotation: edges.rotation,
          spool: store.spool,
          memory: async () => edges.memory(),
          shards: settings.redis.shards,
          destinationsMax: settings.metrics.destinationsMax,
          metrics,
          nowMs: () => store.clock.nowMs(),
        }),
      onTrouble,
    }),
    startSweeping(deps),
  ];
}

function startSweeping(deps: WorkerDependencies): Recurring {
  const { settings, store, edges, watch, lifecycle, name } = deps;
  const pauseMs = settings.store.sweepSeconds * 1000;
  const sweeper = new Sweeper(
    sweepStore(store.queues, store.spool, settings.redis.shards),
    {
      shards: settings.redis.shards,
      recordsPerPortion: 500,
      stagedMsMax: settings.store.stagedSecondsMax * 1000,
      recipientsPerJobMax: 100,
      suspectsMax: 10_000,
    },
    { watch, nowMs: () => store.clock.nowMs() },
  );
  return startRecurring({
    name: 'sweeping',
    pauseMs,
    run: async () => {
      const leaseMs = 2 * pauseMs + 10_000;
      if (!(await takeSweepDuty(edges.leases, name, leaseMs))) return;
      await sweeper.sweep(async () => {
        await new Promise((resolve) => setTimeout(resolve, sweepPortionPauseMs));
        return !lifecycle.draining.aborted && (await takeSweepDuty(edges.leases, name, leaseMs));
      });
    },
    onTrouble: (what, cause) => watch.trouble(what, cause),
  });
}
