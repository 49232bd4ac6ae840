/**
 * What people (and recovered hosts) do to a queue. BullMQ acts know nothing of the due index, so every act touches it before
 * and after: before, so that somebody looks soon even if we die in between; after, so that they look once it is done.
 */
import type { DestinationKey, JobId } from '@mailwheel/envelope';
import type { Backends, DestinationBackend } from './backends.ts';
import type { DueIndex } from './due-index.ts';
import { QueueUnavailable, assertExec } from './errors.ts';

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

  /** Makes parked jobs due, oldest deferral first. One MULTI: a promoted job is indexed as due in the same moment. */
  async promoteParked(
    destination: DestinationKey,
    countMax: number,
  ): Promise<{ readonly promoted: number; readonly left: number }> {
    const of = this.#backends.of(destination);
    try {
      const [left, ...ids] = await this.#backends.client.mwParkedPortion(
        of.parked,
        `${of.base}delayed`,
        countMax,
      );
      if (ids.length === 0) return { promoted: 0, left };
      const multi = this.#backends.transaction();
      for (const id of ids) this.#backends.add(multi, of, 'promote', promoteInput(of, id));
      multi.zrem(of.parked, ...ids);
      (multi as unknown as { mwTouch(...input: string[]): unknown }).mwTouch(
        of.due,
        of.rest,
        of.hint,
        destination,
      );
      const replies = await multi.exec();
      const promotions = replies?.slice(0, ids.length) ?? [];
      // A negative answer is a job somebody else promoted or removed meanwhile.
      assertExec(replies?.map(([error, reply]) => [error, Math.max(0, Number(reply))] as const) ?? null);
      return { promoted: promotions.filter(([, reply]) => reply === 0).length, left };
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

/** Keys and arguments of BullMQ's promote script, in its order (commands/promote-9.lua). */
function promoteInput(of: DestinationBackend, id: string): string[] {
  const { keys } = of.backend;
  const names = [
    'delayed',
    'wait',
    'paused',
    'meta',
    'prioritized',
    'active',
    'pc',
    'events',
    'marker',
  ] as const;
  return [...names.map((name) => keys[name] ?? `${of.base}${name}`), of.base, id];
}
