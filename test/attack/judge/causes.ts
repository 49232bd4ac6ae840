/**
 * Why a recipient may have got something twice. Design section 6 names four causes; three can occur here (there is no second
 * Redis to fail over to). Each is looked for around the *window* of a copy: from 354 to the moment its result can be
 * expected to have been written down.
 */
import type { CutRecord, EndRecord, FaultRecord, TransactionRecord } from '../records.ts';
import type { Evidence } from './evidence.ts';

export type Cause = 'reply lost' | 'process killed' | 'stop or Redis outage longer than the lock';

/**
 * Time that a worker may take from the host's reply to the record. On a quiet machine it is a few milliseconds; with thirty
 * processes waiting for two cores more than 600 were seen (seed 103).
 */
const recordMs = 1_000;
/** A worker and Redis find each other again within this time once Redis is back. */
const reconnectMs = 2_500;
/** A cut is written down a little before or after the host sees it. */
const clockSlackMs = 300;

/** What was with one worker and must be written down. */
export interface Pending {
  readonly worker: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

interface Interval {
  readonly fromMs: number;
  readonly untilMs: number;
}

export class Causes {
  readonly #kills = new Map<string, number[]>();
  readonly #stops = new Map<string, Interval[]>();
  readonly #redis: Interval[] = [];
  /** Hosts that broke all their connections, and when. */
  readonly #flaps = new Map<string, number[]>();
  readonly #cuts = new Map<number, CutRecord[]>();
  readonly #longMs: number;

  constructor({ layout, faults, ends, cuts }: Evidence) {
    // A lock was last renewed up to a renewal before the stop began, and is not renewed at once after it.
    this.#longMs = layout.lockMs - layout.renewMs - reconnectMs / 2;
    for (const fault of faults) this.#addFault(fault);
    for (const end of ends) this.#addEnd(end);
    for (const cut of cuts) {
      if (cut.place !== 'after-dot') continue;
      const list = this.#cuts.get(cut.clientPort) ?? [];
      list.push(cut);
      this.#cuts.set(cut.clientPort, list);
    }
    for (const list of this.#stops.values()) list.sort((a, b) => a.fromMs - b.fromMs);
    this.#redis.sort((a, b) => a.fromMs - b.fromMs);
  }

  #addFault({ act, victim, atMs, untilMs }: FaultRecord): void {
    if (act === 'flap') push(this.#flaps, victim, atMs);
    // From the signal on: on a busy machine the supervisor learns of the end half a second later.
    else if (act === 'kill') push(this.#kills, victim, atMs);
    else if (act === 'freeze') push(this.#stops, victim, { fromMs: atMs, untilMs });
    else if (victim === 'redis') this.#redis.push({ fromMs: atMs, untilMs: untilMs + reconnectMs });
  }

  /** A process that was told to stop ends at its limit, whatever it still holds. */
  #addEnd({ victim, atMs, why }: EndRecord): void {
    if (why === 'killed' || why === 'asked') push(this.#kills, victim, atMs);
  }

  ofTransaction(record: TransactionRecord): Cause | undefined {
    if (!record.answers || this.#wasCut(record)) return 'reply lost';
    return this.ofPending(pendingOf(record));
  }

  ofPending(pending: Pending): Cause | undefined {
    const untilMs = this.#recordedUntil(pending);
    const killed = (this.#kills.get(pending.worker) ?? []).some(
      (atMs) => atMs >= pending.fromMs - clockSlackMs && atMs <= untilMs,
    );
    if (killed) return 'process killed';
    const troubles = this.#troubles(pending.worker, { fromMs: pending.fromMs - clockSlackMs, untilMs });
    return longest(troubles) >= this.#longMs ? 'stop or Redis outage longer than the lock' : undefined;
  }

  /** By the proxy, or because the host itself broke its connections before it had answered. */
  #wasCut({ host, clientPort, dotAtMs, replyAtMs }: TransactionRecord): boolean {
    const cuts = (this.#cuts.get(clientPort) ?? []).map((cut) => cut.atMs);
    const flaps = this.#flaps.get(host) ?? [];
    return [...cuts, ...flaps].some((atMs) => atMs >= dotAtMs - clockSlackMs && atMs <= replyAtMs + recordMs);
  }

  /** The record waits for as long as its worker is stopped or has no Redis. */
  #recordedUntil({ worker, fromMs, untilMs }: Pending): number {
    let endMs = untilMs + recordMs;
    for (let moved = true; moved;) {
      moved = false;
      for (const trouble of this.#troubles(worker, { fromMs, untilMs: endMs })) {
        const laterMs = trouble.untilMs + recordMs;
        if (laterMs <= endMs) continue;
        endMs = laterMs;
        moved = true;
      }
    }
    return endMs;
  }

  #troubles(worker: string, { fromMs, untilMs }: Interval): Interval[] {
    const meets = (one: Interval): boolean => one.fromMs <= untilMs && one.untilMs >= fromMs;
    return [...(this.#stops.get(worker) ?? []).filter(meets), ...this.#redis.filter(meets)];
  }
}

export function pendingOf({ worker, dataAtMs, replyAtMs }: TransactionRecord): Pending {
  return { worker, fromMs: dataAtMs, untilMs: replyAtMs };
}

/** Of troubles that touch each other: the longest time in which no lock may have been renewed. */
function longest(troubles: readonly Interval[]): number {
  let longestMs = 0;
  let current: { fromMs: number; untilMs: number } | undefined;
  for (const { fromMs, untilMs } of troubles.toSorted((a, b) => a.fromMs - b.fromMs)) {
    if (current !== undefined && fromMs <= current.untilMs) {
      current.untilMs = Math.max(current.untilMs, untilMs);
    } else current = { fromMs, untilMs };
    longestMs = Math.max(longestMs, current.untilMs - current.fromMs);
  }
  return longestMs;
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
