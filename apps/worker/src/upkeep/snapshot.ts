/** What the worker reads from Redis at intervals for its gauges: queue depths, ages, host states, memory. */
import type { DestinationQueues, DestinationState } from '@mailwheel/queue';
import type { HostSnapshot, Rotation } from '@mailwheel/rotation';
import type { Spool } from '@mailwheel/spool';
import type { WorkerMetrics } from '../watch/worker-watch.ts';

export interface SnapshotDependencies {
  readonly queues: Pick<DestinationQueues, 'destinations' | 'heldJobs'>;
  readonly rotation: Pick<Rotation, 'hosts'>;
  readonly spool: Pick<Spool, 'backlog'>;
  readonly memory: () => Promise<{ readonly usedBytes: number; readonly maxBytes: number }>;
  readonly shards: number;
  readonly destinationsMax: number;
  readonly metrics: WorkerMetrics;
  readonly nowMs: () => number;
}

/** Busiest destinations first: those beyond the label limit add up under `other`. */
export async function takeSnapshot(deps: SnapshotDependencies): Promise<void> {
  const { metrics } = deps;
  const [destinations, hosts, memory] = await Promise.all([
    deps.queues.destinations(deps.destinationsMax),
    deps.rotation.hosts(),
    deps.memory(),
  ]);
  metrics.queue.depth.replace(depths(destinations));
  metrics.queue.oldestSeconds.replace(ages(destinations, deps.nowMs()));
  metrics.hosts.hostState.replace(states(hosts));
  metrics.process.redisMemoryRatio.set(memory.maxBytes > 0 ? memory.usedBytes / memory.maxBytes : 0);
  const backlogs = Array.from({ length: deps.shards }, async (_, shard) => deps.spool.backlog(shard));
  metrics.queue.storedMessages.set((await Promise.all(backlogs)).reduce((total, one) => total + one, 0));
}

function* depths(
  destinations: readonly DestinationState[],
): Generator<readonly [{ readonly destination: string; readonly state: string }, number]> {
  for (const { destination, waiting, active, delayed, failed } of destinations) {
    yield [{ destination, state: 'waiting' }, waiting];
    yield [{ destination, state: 'active' }, active];
    yield [{ destination, state: 'delayed' }, delayed];
    yield [{ destination, state: 'failed' }, failed];
  }
}

function* ages(
  destinations: readonly DestinationState[],
  nowMs: number,
): Generator<readonly [{ readonly destination: string }, number]> {
  for (const { destination, oldestAtMs } of destinations) {
    if (oldestAtMs !== undefined) yield [{ destination }, Math.max(0, nowMs - oldestAtMs) / 1000];
  }
}

function* states(
  hosts: readonly HostSnapshot[],
): Generator<readonly [{ readonly host: string; readonly state: string }, number]> {
  for (const host of hosts) yield [{ host: host.label, state: host.state }, 1];
}
