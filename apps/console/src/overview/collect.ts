/** What the overview shows, read from Redis. Bounded work: the busiest destinations, the hosts and cursors used last. */
import type { DestinationQueues, DestinationState, QueueTotals } from '@mailwheel/queue';
import type { HostSnapshot, Rotation } from '@mailwheel/rotation';
import type { Spool } from '@mailwheel/spool';
import { backlogByAge, type AgeRow } from './ages.ts';
import { cursorShares, type CursorShares } from './shares.ts';

/** Destinations in the backlog table. */
export const destinationsMax = 100;
/** Tables of cursors; with more of them people search. */
const cursorsMax = 50;

export interface Memory {
  readonly usedBytes: number;
  readonly maxBytes: number;
}

export interface Overview {
  /** Redis's clock. */
  readonly nowMs: number;
  readonly hosts: readonly HostSnapshot[];
  readonly cursors: readonly CursorShares[];
  readonly cursorsLeftOut: number;
  readonly destinations: readonly DestinationState[];
  readonly ages: readonly AgeRow[];
  readonly totals: QueueTotals;
  /** Messages with an open recipient. */
  readonly messages: number;
  readonly memory: Memory;
}

export interface OverviewSources {
  readonly queues: Pick<DestinationQueues, 'destinations' | 'totals'>;
  readonly rotation: Pick<Rotation, 'hosts' | 'cursors'>;
  readonly spool: Pick<Spool, 'backlog'>;
  readonly shards: number;
  readonly memory: () => Promise<Memory>;
  readonly nowMs: () => number;
}

export async function collectOverview(sources: OverviewSources): Promise<Overview> {
  const { queues, rotation, spool, shards } = sources;
  const shardNumbers = Array.from({ length: shards }, (_, shard) => shard);
  const [hosts, cursors, destinations, totals, backlogs, memory] = await Promise.all([
    rotation.hosts(),
    rotation.cursors(),
    queues.destinations(destinationsMax),
    queues.totals(),
    Promise.all(shardNumbers.map(async (shard) => spool.backlog(shard))),
    sources.memory(),
  ]);
  const nowMs = sources.nowMs();
  const known = new Map(hosts.map((host) => [host.key, host]));
  return {
    nowMs,
    hosts: hosts.toSorted(illFirst),
    cursors: cursors.slice(0, cursorsMax).map((cursor) => cursorShares(cursor, known)),
    cursorsLeftOut: Math.max(0, cursors.length - cursorsMax),
    destinations,
    ages: backlogByAge(destinations, nowMs),
    totals,
    messages: backlogs.reduce((total, one) => total + one, 0),
    memory,
  };
}

const order: Readonly<Record<HostSnapshot['state'], number>> = {
  unhealthy: 0,
  probing: 1,
  recovering: 2,
  drained: 3,
  healthy: 4,
};

function illFirst(a: HostSnapshot, b: HostSnapshot): number {
  return order[a.state] - order[b.state] || a.label.localeCompare(b.label, 'en', { numeric: true });
}

export interface SharedReader<T> {
  read(): Promise<T>;
}

/**
 * Reads once for everybody who looks: an answer stands for `keepMs`, and longer when reading takes long (20 times as long as
 * it took), so that open pages cost Redis at most a twentieth of its time.
 */
export function sharedReader<T>(
  read: () => Promise<T>,
  options: { readonly keepMs: number; readonly monotonicMs: () => number },
): SharedReader<T> {
  let current: { readonly answer: Promise<T>; freshUntilMs: number } | undefined;
  return {
    read: () => {
      const startMs = options.monotonicMs();
      if (current !== undefined && startMs < current.freshUntilMs) return current.answer;
      const reading = { answer: read(), freshUntilMs: Infinity };
      current = reading;
      reading.answer.then(
        () => {
          const endMs = options.monotonicMs();
          reading.freshUntilMs = endMs + Math.max(options.keepMs, 20 * (endMs - startMs));
        },
        () => {
          reading.freshUntilMs = 0;
        },
      );
      return reading.answer;
    },
  };
}
