/**
 * One worker at a time sweeps: a lease in Redis, taken for a bit longer than a sweep's pause, and renewed while it works.
 * Two at once would do no harm (settling is idempotent, jobs are added under fixed ids), only waste.
 */
import type { DestinationQueues } from '@mailwheel/queue';
import type { Spool } from '@mailwheel/spool';
import { assertExec } from '@mailwheel/queue';
import { shardOf } from '@mailwheel/envelope';
import type { SweepStore } from './sweeper.ts';

export interface LeaseClient {
  set(key: string, value: string, mode: 'PX', ms: number, condition: 'NX'): Promise<'OK' | null>;
  get(key: string): Promise<string | null>;
  pexpire(key: string, ms: number): Promise<number>;
}

const leaseKey = '{mw:t}:sweeper';

/** True when this process holds the duty (from now for `leaseMs`). */
export async function takeSweepDuty(client: LeaseClient, name: string, leaseMs: number): Promise<boolean> {
  if ((await client.set(leaseKey, name, 'PX', leaseMs, 'NX')) === 'OK') return true;
  if ((await client.get(leaseKey)) !== name) return false;
  await client.pexpire(leaseKey, leaseMs);
  return true;
}

/** The sweeper's view of queues and spool. */
export function sweepStore(queues: DestinationQueues, spool: Spool, shards: number): SweepStore {
  return {
    sweepQueues: async (shard, cursor) => {
      const portion = await queues.sweep(shard, cursor);
      return { cursor: portion.cursor, repaired: portion.repaired.length };
    },
    scanRecords: async (shard, cursor, count) => spool.scan(shard, cursor, count),
    read: async (id) => spool.read(id),
    revoke: async (id) => spool.move(id, 'revoked'),
    jobExists: async (destination, id) => (await queues.job(destination, id)) !== undefined,
    addAgain: async (jobs) => {
      for (const job of jobs) {
        const multi = await queues.transaction(shardOf(job.destination, shards));
        await queues.addToTransaction(multi, job);
        assertExec(await multi.exec());
      }
    },
  };
}
