import { describe, expect, it } from 'vitest';
import type { DestinationKey } from '@mailwheel/envelope';
import { ShownQueues } from './shown-queues.ts';

function start(queuesMax: number): {
  shown: ShownQueues;
  board: Set<string>;
  world: { busiest: string[]; nowMs: number; readings: number };
} {
  const world = { busiest: ['a', 'b', 'c', 'd', 'e'], nowMs: 0, readings: 0 };
  const board = new Set<string>();
  const shown = new ShownQueues({
    queuesMax,
    busiest: async (limit) => {
      world.readings += 1;
      return world.busiest.slice(0, limit) as DestinationKey[];
    },
    show: (destination) => board.add(destination),
    hide: (destination) => board.delete(destination),
    monotonicMs: () => world.nowMs,
  });
  return { shown, board, world };
}

const key = (name: string): DestinationKey => name as DestinationKey;

describe('the queues on the dashboard', () => {
  it('are the busiest, looked up only now and then', async () => {
    const { shown, board, world } = start(3);
    await Promise.all([shown.refresh(), shown.refresh()]);
    expect([...board]).toEqual(['a', 'b', 'c']);
    world.busiest = ['x', 'a'];
    world.nowMs = 2999;
    await shown.refresh();
    expect(world.readings).toBe(1);
    world.nowMs = 3000;
    await shown.refresh();
    expect([...board].toSorted()).toEqual(['a', 'x']);
    expect(shown.shown().toSorted()).toEqual(['a', 'x']);
  });

  it('include at once what somebody opens, in place of the least busy', async () => {
    const { shown, board } = start(4);
    await shown.refresh();
    shown.open(key('quiet'));
    expect([...board].toSorted()).toEqual(['a', 'b', 'c', 'quiet']);
    shown.open(key('a'));
    expect(board.size).toBe(4);
  });

  it('are bounded however many are opened: the last ones stay, and half of the busiest', async () => {
    const { shown, board } = start(4);
    await shown.refresh();
    for (const name of ['1', '2', '3', '4', '5']) shown.open(key(name));
    expect([...board].toSorted()).toEqual(['4', '5', 'a', 'b']);
  });

  it('show at least what was opened last', async () => {
    const { shown, board } = start(1);
    await shown.refresh();
    shown.open(key('quiet'));
    expect([...board]).toEqual(['quiet']);
  });

  it('let go of what nobody looked at for half an hour', async () => {
    const { shown, board, world } = start(2);
    shown.open(key('quiet'));
    world.nowMs = 30 * 60_000;
    await shown.refresh();
    expect([...board].toSorted()).toEqual(['a', 'b']);
  });
});
