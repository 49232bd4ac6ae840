/**
 * The due index of algorithm B: which destinations want a look, and when. Claim, settle and touch are one script each;
 * docs/due-index.md is the write-up.
 */
import type { DestinationKey } from '@mailwheel/envelope';
import type { Backends, DestinationBackend } from './backends.ts';
import { QueueUnavailable } from './errors.ts';
import { dueKey, hintKey, restKey } from './keys.ts';
import type { ResolvedOptions } from './options.ts';
import type { Claim } from './types.ts';

/** Failed jobs removed by one settle; more stay for the next. */
const forgottenPerSettleMax = 1_000;

export interface Visit {
  readonly took: boolean;
  readonly notBeforeMs?: number;
}

/** What the settle script found. */
export interface Settled {
  /** Undefined: the queue was empty and is gone. */
  readonly dueAtMs: number | undefined;
  readonly repaired: boolean;
}

export class DueIndex {
  readonly #backends: Backends;
  readonly #options: ResolvedOptions;

  constructor(backends: Backends, options: ResolvedOptions) {
    this.#backends = backends;
    this.#options = options;
  }

  async claim(shard: number, countMax: number): Promise<Claim> {
    try {
      const [nowMs, next, ...destinations] = await this.#backends.client.mwClaim(
        dueKey(shard),
        restKey(shard),
        hintKey(shard),
        countMax,
        this.#options.claimHoldMs,
      );
      return {
        nowMs,
        destinations: destinations as DestinationKey[],
        ...(next < 0 ? {} : { nextDueMs: next }),
      };
    } catch (error) {
      throw new QueueUnavailable('claiming due destinations', error);
    }
  }

  async touch(destination: DestinationKey): Promise<void> {
    const of = this.#backends.of(destination);
    try {
      await this.#backends.client.mwTouch(of.due, of.rest, of.hint, destination);
    } catch (error) {
      throw new QueueUnavailable(`touching ${destination}`, error);
    }
  }

  /** After a visit; jobs of dead owners go back to the head, failed jobs past their retention are removed. */
  async settle(destination: DestinationKey, visit: Visit): Promise<Settled> {
    return this.#settle(this.#backends.of(destination), visit, 'visit');
  }

  /** The same from outside a visit: never later than now indexed, rests stay. */
  async inspect(destination: DestinationKey): Promise<Settled> {
    return this.#settle(this.#backends.of(destination), { took: true }, 'sweep');
  }

  async #settle(of: DestinationBackend, visit: Visit, mode: 'visit' | 'sweep'): Promise<Settled> {
    try {
      const [at, lost, excess, repaired] = await this.#runSettle(of, visit, mode);
      if (lost > 0) await this.#recover(of);
      if (excess > 0) {
        await this.#forget(of, excess);
        await this.#runSettle(of, visit, mode);
      }
      return { dueAtMs: at < 0 ? undefined : at, repaired: repaired === '1' };
    } catch (error) {
      throw new QueueUnavailable(`settling ${of.destination}`, error);
    }
  }

  #runSettle(
    of: DestinationBackend,
    visit: Visit,
    mode: 'visit' | 'sweep',
  ): Promise<[at: number, lost: number, excess: number, repaired: string]> {
    const { stalledMs, pausedLookMs, idleMs, bounced, concurrencyFor } = this.#options;
    return this.#backends.client.mwSettle(
      of.due,
      of.rest,
      of.hint,
      of.parked,
      `${of.base}meta`,
      of.base,
      of.destination,
      mode,
      visit.took ? '1' : '0',
      Math.ceil(visit.notBeforeMs ?? 0),
      stalledMs,
      pausedLookMs,
      idleMs,
      bounced.keepSeconds * 1000,
      bounced.keepPerDestination,
      concurrencyFor(of.destination) ?? '',
    );
  }

  async #recover(of: DestinationBackend): Promise<void> {
    const recovered = await of.backend.moveStalledJobsToWait();
    if (recovered.length > 0) this.#options.onRecovered(of.destination, recovered);
  }

  /** @param excess failed jobs above `keepPerDestination`; at least 1 when some are past their retention. */
  async #forget(of: DestinationBackend, excess: number): Promise<void> {
    const { keepSeconds, keepPerDestination } = this.#options.bounced;
    const counts = await this.#backends.client.zcard(`${of.base}failed`);
    const surplus = Math.min(counts - keepPerDestination, excess, forgottenPerSettleMax);
    const forgotten: string[] = [];
    if (surplus > 0) {
      forgotten.push(...(await of.backend.cleanJobsByState('failed', Number.MAX_SAFE_INTEGER, surplus)));
    }
    const oldestKeptMs = this.#options.nowMs() - keepSeconds * 1000;
    forgotten.push(...(await of.backend.cleanJobsByState('failed', oldestKeptMs, forgottenPerSettleMax)));
    if (forgotten.length > 0) this.#options.onForgotten(of.destination, forgotten);
  }
}
