/** Backlog by age. Redis tells counts and the oldest message of a destination cheaply, so a destination counts as old as that. */
import type { DestinationState } from '@mailwheel/queue';

const minuteMs = 60_000;

/** Upper bounds, doubling as in Postfix's qshape. */
export const ageBounds: readonly { readonly name: string; readonly belowMs: number }[] = [
  { name: 'under 5 min', belowMs: 5 * minuteMs },
  { name: '5 to 10 min', belowMs: 10 * minuteMs },
  { name: '10 to 20 min', belowMs: 20 * minuteMs },
  { name: '20 to 40 min', belowMs: 40 * minuteMs },
  { name: '40 to 80 min', belowMs: 80 * minuteMs },
  { name: '80 min to 6 h', belowMs: 360 * minuteMs },
  { name: '6 h to 1 d', belowMs: 1440 * minuteMs },
  { name: 'over 1 d', belowMs: Infinity },
];

/** Index of the age in `ageBounds`. */
export function ageBucket(ageMs: number): number {
  return ageBounds.findIndex(({ belowMs }) => ageMs < belowMs);
}

export interface AgeRow {
  readonly name: string;
  readonly destinations: number;
  /** Jobs of those destinations that are not done. */
  readonly jobs: number;
}

export function backlogByAge(states: readonly DestinationState[], nowMs: number): AgeRow[] {
  const rows = ageBounds.map(({ name }) => ({ name, destinations: 0, jobs: 0 }));
  for (const state of states) {
    if (state.oldestAtMs === undefined) continue;
    const row = rows[ageBucket(nowMs - state.oldestAtMs)];
    if (row === undefined) continue;
    row.destinations += 1;
    row.jobs += load(state);
  }
  return rows;
}

/** Jobs that are not done. */
export function load(state: Pick<DestinationState, 'waiting' | 'active' | 'delayed'>): number {
  return state.waiting + state.active + state.delayed;
}
