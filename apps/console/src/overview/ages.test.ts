import { describe, expect, it } from 'vitest';
import type { DestinationKey } from '@mailwheel/envelope';
import type { DestinationState } from '@mailwheel/queue';
import { ageBounds, ageBucket, backlogByAge } from './ages.ts';

const empty = { waiting: 0, active: 0, delayed: 0, failed: 0, paused: false };

function state(name: string, of: Partial<DestinationState>): DestinationState {
  return { destination: name as DestinationKey, ...empty, ...of };
}

describe('ages', () => {
  it('fall into the bucket below whose bound they are', () => {
    expect(ageBucket(0)).toBe(0);
    expect(ageBucket(299_999)).toBe(0);
    expect(ageBucket(300_000)).toBe(1);
    expect(ageBucket(40 * 86_400_000)).toBe(ageBounds.length - 1);
    // A clock of ours that is behind Redis's.
    expect(ageBucket(-5)).toBe(0);
  });

  it('count destinations by their oldest message, and leave out those that are done', () => {
    const nowMs = 10_000_000;
    const rows = backlogByAge(
      [
        state('a.example', { waiting: 2, active: 1, delayed: 3, oldestAtMs: nowMs - 1000 }),
        state('b.example', { waiting: 1, oldestAtMs: nowMs - 700_000 }),
        state('c.example', { failed: 4 }),
      ],
      nowMs,
    );
    expect(rows.map(({ destinations, jobs }) => [destinations, jobs]).slice(0, 4)).toEqual([
      [1, 6],
      [0, 0],
      [1, 1],
      [0, 0],
    ]);
  });
});
