/**
 * What people (and recovered hosts) do to a queue. BullMQ acts know nothing of the due index, so every act touches it before
 * and after: before, so that somebody looks soon even if we die in between; after, so that they look once it is done.
 */
import type { DestinationKey, JobId } from '@mailwheel/envelope';
import type { Backends, DestinationBackend } from './backends.ts';
import type { DueIndex } from './due-index.ts';
import { QueueUnavailable } from './errors.ts';

export class OperatorActs {
  readonly #backends: Backends;
  readonly #dueIndex: DueIndex;

  constructor(backends: Backends, dueIndex: DueIndex) {
    this.#backends = backends;
    this.#dueIndex = dueIndex;
  }

  pause(destination: DestinationKey, paused: boolean): Promise<void> {
    return this.#act(destination, (of) => of.backend.pause(paused));
  }

  removeJob(destination: DestinationKey, id: JobId): Promise<'removed' | 'missing' | 'active'> {
    return this.#act(destination, async (of) => {
      if ((await this.#backends.client.exists(`${of.base}${id}`)) === 0) return 'missing';
      // BullMQ refuses while a worker holds the lock.
      return (await of.backend.remove(id, false)) === 1 ? 'removed' : 'active';
    });
  }

  retryFailed(destination: DestinationKey, id: JobId): Promise<boolean> {
    return this.#act(destination, (of) =>
      accepted(
        of.backend.retryFinishedJob({ id, opts: {} } as never, 'failed', {
          resetAttemptsMade: true,
          resetAttemptsStarted: true,
        }),
      ),
    );
  }

  promote(destination: DestinationKey, id: JobId): Promise<boolean> {
    return this.#act(destination, (of) => accepted(of.backend.promote(id)));
  }

  /**
   * Makes parked jobs due, oldest deferral first. They are forgotten only afterwards: dying in between costs a repetition.
   * No MULTI: a full Redis refuses every command inside one, and a recovered host is what empties it.
   */
  async promoteParked(
    destination: DestinationKey,
    countMax: number,
  ): Promise<{ readonly promoted: number; readonly left: number }> {
    const of = this.#backends.of(destination);
    const { client } = this.#backends;
    try {
      const [left, ...ids] = await client.mwParkedPortion(of.parked, `${of.base}delayed`, countMax);
      if (ids.length === 0) return { promoted: 0, left };
      // False: somebody else promoted or removed it meanwhile.
      const [promotions] = await Promise.all([
        Promise.all(ids.map((id) => accepted(of.backend.promote(id)))),
        this.#dueIndex.touch(destination),
      ]);
      await Promise.all([client.zrem(of.parked, ...ids), this.#dueIndex.touch(destination)]);
      return { promoted: promotions.filter(Boolean).length, left };
    } catch (error) {
      throw new QueueUnavailable(`promoting parked jobs of ${destination}`, error);
    }
  }

  async #act<T>(destination: DestinationKey, act: (of: DestinationBackend) => Promise<T>): Promise<T> {
    await this.#dueIndex.touch(destination);
    let result: T;
    try {
      result = await act(this.#backends.of(destination));
    } catch (error) {
      throw error instanceof QueueUnavailable
        ? error
        : new QueueUnavailable(`acting on ${destination}`, error);
    }
    await this.#dueIndex.touch(destination);
    return result;
  }
}

/** BullMQ throws an error with a negative code when the job is not in the state the act needs. */
async function accepted(act: Promise<unknown>): Promise<boolean> {
  try {
    await act;
    return true;
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (typeof code === 'number' && code < 0) return false;
    throw error;
  }
}
