/**
 * Locks of the jobs this process holds: one timer renews them all, and a monotonic clock says how long each is certain. Only
 * a renewal that Redis confirmed counts, from the moment it was sent: the lock lives at least that long.
 */
import type { DestinationKey } from '@mailwheel/envelope';
import type { Backends } from './backends.ts';
import { QueueUnavailable } from './errors.ts';
import type { ResolvedOptions } from './options.ts';
import type { HeldJob } from './types.ts';

interface HeldLock {
  readonly token: string;
  /** Monotonic milliseconds at which the last confirmed renewal was sent. */
  renewedAtMs: number;
  lost: boolean;
}

export class HeldLocks {
  readonly #backends: Backends;
  readonly #options: ResolvedOptions;
  readonly #byDestination = new Map<DestinationKey, Map<string, HeldLock>>();
  readonly #timer: NodeJS.Timeout;
  #size = 0;

  constructor(backends: Backends, options: ResolvedOptions) {
    this.#backends = backends;
    this.#options = options;
    this.#timer = setInterval(() => this.#renewAll(), options.renewMs);
    this.#timer.unref();
  }

  get size(): number {
    return this.#size;
  }

  /** @param sentAtMs monotonic time before the command that took the lock was sent. */
  hold(destination: DestinationKey, jobId: string, lock: { token: string; sentAtMs: number }): void {
    let locks = this.#byDestination.get(destination);
    if (locks === undefined) {
      locks = new Map();
      this.#byDestination.set(destination, locks);
    }
    if (!locks.has(jobId)) this.#size++;
    locks.set(jobId, { token: lock.token, renewedAtMs: lock.sentAtMs, lost: false });
  }

  /** Forgets the job; a renewal under way is then ignored. A later hold of the same job is not touched. */
  release(job: HeldJob): void {
    const locks = this.#byDestination.get(job.destination);
    if (locks?.get(job.id)?.token !== job.token) return;
    locks.delete(job.id);
    this.#size--;
    if (locks.size === 0) this.#byDestination.delete(job.destination);
  }

  isCertain(job: HeldJob): boolean {
    const lock = this.#byDestination.get(job.destination)?.get(job.id);
    if (lock === undefined || lock.lost || lock.token !== job.token) return false;
    return performance.now() < lock.renewedAtMs + this.#options.lockMs - this.#options.lockMarginMs;
  }

  async renew(job: HeldJob): Promise<boolean> {
    const lock = this.#byDestination.get(job.destination)?.get(job.id);
    if (lock === undefined || lock.lost || lock.token !== job.token) return false;
    await this.#extend(job.destination, new Map([[job.id, lock]]));
    return !lock.lost;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#byDestination.clear();
    this.#size = 0;
  }

  #renewAll(): void {
    for (const [destination, locks] of this.#byDestination) {
      // An error leaves the locks as certain as they were: certainty runs out by the clock.
      this.#extend(destination, new Map(locks)).catch(this.#options.onError);
    }
  }

  async #extend(destination: DestinationKey, locks: ReadonlyMap<string, HeldLock>): Promise<void> {
    const ids: string[] = [];
    const tokens: string[] = [];
    for (const [id, lock] of locks) {
      if (lock.lost) continue;
      ids.push(id);
      tokens.push(lock.token);
    }
    if (ids.length === 0) return;
    const sentAtMs = performance.now();
    let refused: Set<string>;
    try {
      const { backend } = this.#backends.of(destination);
      refused = new Set(await backend.extendLocks(ids, tokens, this.#options.lockMs));
    } catch (error) {
      throw new QueueUnavailable(`renewing locks of ${destination}`, error);
    }
    for (const [id, lock] of locks) {
      if (!refused.has(id)) {
        lock.renewedAtMs = Math.max(lock.renewedAtMs, sentAtMs);
      } else if (this.#byDestination.get(destination)?.get(id) === lock && !lock.lost) {
        // Still held by us and refused: lost. A job finished meanwhile is reported too, but is held no more.
        lock.lost = true;
        this.#options.onLockLost(destination, id);
      }
    }
  }
}
