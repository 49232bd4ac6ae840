import { describe, expect, test, vi } from 'vitest';
import { BodyBudget, type BodyHold } from './bodies-in-flight.ts';

function budgetOf(bytesMax: number): {
  readonly budget: BodyBudget;
  readonly shed: BodyHold[];
  open: () => BodyHold;
} {
  const shed: BodyHold[] = [];
  const budget = new BodyBudget({ bytesMax, overdraftMs: 1000 });
  const open = (): BodyHold => {
    const hold = budget.open(() => shed.push(hold));
    return hold;
  };
  return { budget, shed, open };
}

async function settled(wait: true | Promise<boolean>): Promise<'waits' | boolean> {
  return wait === true ? true : Promise.race([wait, Promise.resolve('waits' as const)]);
}

describe('budget of bodies in flight', () => {
  test('grants while there is room, and counts growth once', () => {
    const { budget, open } = budgetOf(100);
    const hold = open();
    expect(hold.reserve(40)).toBe(true);
    expect(hold.reserve(60)).toBe(true);
    expect(budget.heldBytes).toBe(60);
    hold.release();
    hold.release();
    expect(budget.heldBytes).toBe(0);
  });

  test('the eldest of the waiting overdraws, one at a time, so that they never wait for each other', async () => {
    const { budget, open } = budgetOf(100);
    const [a, b, c] = [open(), open(), open()];
    for (const hold of [a, b, c]) expect(hold.reserve(33)).toBe(true);
    const grown = [a, b, c].map((hold) => hold.reserve(80));
    expect(await Promise.all(grown.map(settled))).toEqual([true, 'waits', 'waits']);
    expect(a.reserve(90)).toBe(true);
    a.release();
    expect(await Promise.all(grown.map(settled))).toEqual([true, true, 'waits']);
    b.release();
    expect(await Promise.all(grown.map(settled))).toEqual([true, true, true]);
    expect(budget.heldBytes).toBe(80);
  });

  test('nobody overtakes those who wait', async () => {
    const { open } = budgetOf(100);
    const [big, first, second, small] = [open(), open(), open(), open()];
    expect(big.reserve(90)).toBe(true);
    expect(await settled(first.reserve(50))).toBe(true); // overdraws
    const waiting = second.reserve(50);
    expect(await settled(small.reserve(5))).toBe('waits');
    big.release();
    expect(await settled(waiting)).toBe(true);
  });

  test('released while it waits, it is told so', async () => {
    const { open } = budgetOf(10);
    const [full, overdrawn, gone] = [open(), open(), open()];
    expect(full.reserve(10)).toBe(true);
    expect(await settled(overdrawn.reserve(10))).toBe(true);
    const wait = gone.reserve(10);
    gone.release();
    expect(await settled(wait)).toBe(false);
  });

  test('who overdraws longer than allowed is shed, and the next gets on', async () => {
    vi.useFakeTimers();
    try {
      const { shed, open } = budgetOf(10);
      const [full, slow, next] = [open(), open(), open()];
      expect(full.reserve(10)).toBe(true);
      expect(await settled(slow.reserve(10))).toBe(true);
      const wait = next.reserve(10);
      vi.advanceTimersByTime(999);
      expect(shed).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(shed).toEqual([slow]);
      slow.release();
      expect(await settled(wait)).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});
