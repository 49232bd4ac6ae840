/**
 * When a host leaves its rest, the destinations that wait for it become due in portions (design section 6, step 7): their
 * rest is lifted, and the jobs that every host had refused are promoted from the schedule. The ramp in `pick` paces what
 * follows; the portions keep one recovery from moving a hundred thousand jobs in one script.
 */
import type { DestinationKey } from '@mailwheel/envelope';
import type { DestinationQueues } from '@mailwheel/queue';
import type { Rotation } from '@mailwheel/rotation';

export interface ReleaseDependencies {
  readonly rotation: Pick<Rotation, 'releaseWaiters'>;
  readonly queues: Pick<DestinationQueues, 'touch' | 'promoteParked'>;
  readonly destinationsPerRound: number;
  readonly jobsPerRound: number;
}

export class Releaser {
  readonly #deps: ReleaseDependencies;
  /** Destinations with parked jobs left from an earlier round. Lost with the process: their jobs keep their schedule. */
  readonly #unfinished = new Set<DestinationKey>();

  constructor(deps: ReleaseDependencies) {
    this.#deps = deps;
  }

  async round(): Promise<void> {
    const room = this.#deps.destinationsPerRound - this.#unfinished.size;
    const released = room > 0 ? await this.#deps.rotation.releaseWaiters(room) : [];
    for (const destination of released) this.#unfinished.add(destination);
    for (const destination of this.#unfinished) {
      const { left } = await this.#deps.queues.promoteParked(destination, this.#deps.jobsPerRound);
      await this.#deps.queues.touch(destination);
      if (left === 0) this.#unfinished.delete(destination);
    }
  }
}
