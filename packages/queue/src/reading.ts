/** What lies in the queues, for the console, the metrics and the command line. Bounded work per call; nothing is changed. */
import type { DestinationKey, JobId } from '@mailwheel/envelope';
import type { Backends, DestinationBackend } from './backends.ts';
import { QueueUnavailable } from './errors.ts';
import { readJobData } from './job-data.ts';
import { dueKey, shardPrefix } from './keys.ts';
import type { ResolvedOptions } from './options.ts';
import type { DestinationState, JobState, JobView, QueueTotals } from './types.ts';

/** Destinations one script counts: a millisecond or two of Redis's thread. */
const portion = 200;
/** Destinations of a shard that `busiest` looks at, those due earliest. Work that waits is due now, so it is among them. */
const examinedMax = 5_000;
/** Destinations `totals` goes through; a tier with more reports what it saw. */
const totalsMax = 200_000;
const countsPerDestination = 7;

/** The delayed set's score is the time times this, plus a sequence number. */
const delayedScoreUnit = 0x1000;

export class Reading {
  readonly #backends: Backends;
  readonly #shards: number;

  constructor(backends: Backends, options: ResolvedOptions) {
    this.#backends = backends;
    this.#shards = options.shards;
  }

  async busiest(limit: number): Promise<DestinationState[]> {
    const states: DestinationState[] = [];
    await this.#everyDestination(examinedMax, (found) => states.push(...found));
    states.sort((a, b) => load(b) - load(a) || (a.destination < b.destination ? -1 : 1));
    return states.slice(0, limit);
  }

  async totals(): Promise<QueueTotals> {
    const totals = { destinations: 0, waiting: 0, active: 0, delayed: 0, failed: 0, paused: 0 };
    let oldestAtMs: number | undefined;
    await this.#everyDestination(totalsMax, (found) => {
      for (const state of found) {
        totals.destinations++;
        totals.waiting += state.waiting;
        totals.active += state.active;
        totals.delayed += state.delayed;
        totals.failed += state.failed;
        if (state.paused) totals.paused++;
        if (state.oldestAtMs !== undefined) oldestAtMs = Math.min(oldestAtMs ?? Infinity, state.oldestAtMs);
      }
    });
    return { ...totals, ...(oldestAtMs === undefined ? {} : { oldestAtMs }) };
  }

  async states(destinations: readonly DestinationKey[]): Promise<DestinationState[]> {
    const byShard = new Map<number, DestinationKey[]>();
    for (const destination of destinations) {
      const { shard } = this.#backends.of(destination);
      byShard.set(shard, [...(byShard.get(shard) ?? []), destination]);
    }
    const found = new Map<DestinationKey, DestinationState>();
    for (const [shard, ofShard] of byShard) {
      for (let at = 0; at < ofShard.length; at += portion) {
        for (const state of await this.#count(shard, ofShard.slice(at, at + portion)))
          found.set(state.destination, state);
      }
    }
    return destinations.flatMap((destination) => found.get(destination) ?? []);
  }

  async jobs(
    destination: DestinationKey,
    state: JobState,
    range: { readonly from: number; readonly to: number },
  ): Promise<JobView[]> {
    const of = this.#backends.of(destination);
    try {
      if (state !== 'waiting') return await this.#range(of, state, range);
      // Served first is the plain list, then the prioritized ones.
      const plain = await this.#backends.client.llen(`${of.base}wait`);
      const first =
        range.from < plain
          ? await this.#range(of, 'wait', { ...range, to: Math.min(range.to, plain - 1) })
          : [];
      if (range.to < plain) return first;
      const rest = { from: Math.max(0, range.from - plain), to: range.to - plain };
      return [...first, ...(await this.#range(of, 'prioritized', rest))];
    } catch (error) {
      throw new QueueUnavailable(`reading jobs of ${destination}`, error);
    }
  }

  async job(destination: DestinationKey, id: JobId): Promise<JobView | undefined> {
    const of = this.#backends.of(destination);
    try {
      const [fields, state, delayed] = await Promise.all([
        this.#backends.client.hgetall(`${of.base}${id}`),
        of.backend.getState(id),
        this.#backends.client.zscore(`${of.base}delayed`, id),
      ]);
      const known = knownStates[state as keyof typeof knownStates];
      if (known === undefined) return undefined;
      return jobView(of, known, { id, fields, delayedScore: delayed });
    } catch (error) {
      throw new QueueUnavailable(`reading job ${id}`, error);
    }
  }

  async #range(
    of: DestinationBackend,
    type: string,
    range: { readonly from: number; readonly to: number },
  ): Promise<JobView[]> {
    const [entries = []] = (await of.backend.getJobs(
      [type as never],
      range.from,
      range.to,
      true,
    )) as unknown as [id: string, fields: string[]][][];
    const state: JobState = knownStates[type as keyof typeof knownStates] ?? 'waiting';
    const scores =
      state === 'delayed' && entries.length > 0
        ? await this.#backends.client.zmscore(`${of.base}delayed`, ...entries.map(([id]) => id))
        : [];
    return entries.map(([id, flat], at) =>
      jobView(of, state, { id, fields: pairs(flat), delayedScore: scores[at] ?? null }),
    );
  }

  async #everyDestination(max: number, take: (states: DestinationState[]) => void): Promise<void> {
    for (let shard = 0; shard < this.#shards; shard++) {
      for (let at = 0; at < max; at += portion) {
        let destinations: string[];
        try {
          destinations = await this.#backends.client.zrange(
            dueKey(shard),
            String(at),
            String(at + portion - 1),
          );
        } catch (error) {
          throw new QueueUnavailable('reading the due index', error);
        }
        if (destinations.length > 0) take(await this.#count(shard, destinations as DestinationKey[]));
        if (destinations.length < portion) break;
      }
    }
  }

  async #count(shard: number, destinations: readonly DestinationKey[]): Promise<DestinationState[]> {
    let counts: number[];
    try {
      counts = await this.#backends.client.mwCounts(dueKey(shard), `${shardPrefix(shard)}:`, ...destinations);
    } catch (error) {
      throw new QueueUnavailable('counting jobs', error);
    }
    return destinations.map((destination, at) => {
      const own = counts.slice(at * countsPerDestination, (at + 1) * countsPerDestination);
      const [waiting = 0, active = 0, delayed = 0, failed = 0, paused = 0, due = -1, oldest = -1] = own;
      return {
        destination,
        waiting,
        active,
        delayed,
        failed,
        paused: paused === 1,
        ...(due < 0 ? {} : { dueAtMs: due }),
        ...(oldest < 0 ? {} : { oldestAtMs: oldest }),
      };
    });
  }
}

/** BullMQ's names of the states we show. */
const knownStates = {
  wait: 'waiting',
  waiting: 'waiting',
  paused: 'waiting',
  prioritized: 'waiting',
  active: 'active',
  delayed: 'delayed',
  failed: 'failed',
} as const satisfies Record<string, JobState>;

function load(state: DestinationState): number {
  return state.waiting + state.active + state.delayed;
}

function pairs(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[flat[at] ?? ''] = flat[at + 1] ?? '';
  return fields;
}

function jobView(
  of: DestinationBackend,
  state: JobState,
  from: {
    readonly id: string;
    readonly fields: Readonly<Record<string, string>>;
    readonly delayedScore: string | null;
  },
): JobView {
  const { id, fields, delayedScore } = from;
  const read = readJobData(id, fields['data']);
  const data = read.kind === 'ours' ? read.data : undefined;
  return {
    id,
    destination: of.destination,
    state,
    ...(data === undefined ? {} : { data }),
    attemptsMade: Number(fields['atm'] ?? 0),
    stalledCount: Number(fields['stc'] ?? 0),
    acceptedAtMs: data?.acceptedAtMs ?? Number(fields['timestamp'] ?? 0),
    ...(state === 'delayed' && delayedScore !== null
      ? { nextAttemptAtMs: Math.floor(Number(delayedScore) / delayedScoreUnit) }
      : {}),
    ...(fields['failedReason'] === undefined ? {} : { reason: fields['failedReason'] }),
  };
}
