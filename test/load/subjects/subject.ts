/** What stands between source and sink: Mailwheel, a peer, or nothing. */
import type { BenchRedis } from '../measure/redis-server.ts';
import type { Watched } from '../measure/processes.ts';

export interface Surroundings {
  /** Empty, and removed afterwards. */
  readonly folder: string;
  readonly sinkPort: number;
}

export interface Running {
  /** Where the source sends. */
  readonly port: number;
  readonly processes: readonly Watched[];
  readonly redis?: BenchRedis;
  /** After everything was delivered: sentences about what should not be there. Waits a little for things to settle. */
  leftovers?(): Promise<string[]>;
  stop(): Promise<void>;
}

export interface Subject {
  readonly name: string;
  start(surroundings: Surroundings): Promise<Running>;
}
