/** Settings of a worker process: how much it does at a time and how it holds its jobs. */
import type { ListenAddress } from '../addresses.ts';
import { fraction, section, whole, type Field } from '../field.ts';
import { listen } from './listen.ts';

export interface WorkerSettings {
  readonly listen: ListenAddress;
  readonly streams: number;
  readonly streamsPerDestination: number;
  readonly quantumJobs: number;
  readonly quantumMs: number;
  readonly lockSeconds: number;
  readonly lockRenewSeconds: number;
  readonly stalledSeconds: number;
  readonly crashesPerMessageMax: number;
  readonly drainSeconds: number;
  readonly bodiesInFlightBytes: number;
}

export const worker: Field<WorkerSettings> = section<WorkerSettings>('Delivering mail: one worker process.', {
  listen: listen('127.0.0.1:9464', 'Address and port of /metrics, /livez and /readyz of the worker.'),
  streams: whole({
    min: 1,
    max: 100_000,
    initial: 500,
    unit: 'deliveries',
    says: 'Deliveries one worker process runs at a time.',
  }),
  streamsPerDestination: whole({
    min: 1,
    max: 100_000,
    initial: 20,
    unit: 'deliveries',
    says: 'Deliveries to one destination that one worker process runs at a time.',
  }),
  quantumJobs: whole({
    min: 1,
    max: 100_000,
    initial: 50,
    unit: 'jobs',
    says: 'Jobs of one destination after which a stream gives way to other destinations.',
  }),
  quantumMs: whole({
    min: 1,
    max: 60_000,
    initial: 250,
    unit: 'milliseconds',
    says: 'Time on one destination after which a stream gives way to other destinations.',
  }),
  lockSeconds: fraction({
    min: 2.5,
    max: 3600,
    initial: 30,
    unit: 'seconds',
    says: 'How long a job stays with a worker that no longer renews its lock.',
  }),
  lockRenewSeconds: fraction({
    min: 0.2,
    max: 600,
    initial: 5,
    unit: 'seconds',
    says: 'Interval at which a worker renews the locks of its jobs.',
  }),
  stalledSeconds: fraction({
    min: 0.2,
    max: 600,
    initial: 5,
    unit: 'seconds',
    says: 'Interval at which jobs of vanished workers are looked for.',
  }),
  crashesPerMessageMax: whole({
    min: 1,
    max: 1000,
    initial: 5,
    unit: 'starts without an end',
    says: 'A job whose worker vanished this often is quarantined: kept, failed, and reported.',
  }),
  drainSeconds: fraction({
    min: 0,
    max: 3600,
    initial: 30,
    unit: 'seconds',
    says: 'Time for deliveries in progress when the worker is told to stop.',
  }),
  bodiesInFlightBytes: whole({
    min: 1_048_576,
    max: 68_719_476_736,
    initial: 268_435_456,
    unit: 'bytes',
    says: 'Message bodies one worker process holds in memory; above it, deliveries wait.',
  }),
});
