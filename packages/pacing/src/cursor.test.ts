import { describe, expect, it } from 'vitest';
import { newCursor, nextInTurn, takeTurn, takeTurnOf, type Cursor } from './cursor.ts';

/** Picks made with the eligible hosts of each step, in order. */
function picks(steps: readonly (readonly string[])[], start: Cursor = newCursor): string[] {
  let cursor = start;
  return steps.map((eligible) => {
    const turn = takeTurn(cursor, eligible);
    cursor = turn.cursor;
    return turn.host;
  });
}
const count = (made: readonly string[], host: string): number => made.filter((one) => one === host).length;
const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

describe('the cursor', () => {
  it('goes round in written order', () => {
    expect(picks(times(7, ['a', 'b', 'c']))).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
  });

  it('shares what a missing host leaves equally among the others', () => {
    const made = picks(times(3000, ['a', 'c']));
    expect([count(made, 'a'), count(made, 'c')]).toEqual([1500, 1500]);
  });

  it('lets two hosts alternate strictly while a third comes and goes as it likes', () => {
    const flapping = times(3000, 0).map((_, at) => ((at * 7919) % 13 < 6 ? ['a', 'x', 'b'] : ['a', 'b']));
    const pair = picks(flapping).filter((host) => host !== 'x');
    for (let at = 1; at < pair.length; at += 1) expect(pair[at]).not.toBe(pair[at - 1]);
  });

  it('gives a host that was away its share from now on, and no burst', () => {
    const made = picks([...times(1000, ['a', 'b']), ...times(9, ['a', 'b', 'c'])]).slice(1000);
    expect(made.slice(0, 3).sort()).toEqual(['a', 'b', 'c']);
    expect([count(made, 'a'), count(made, 'b'), count(made, 'c')]).toEqual([3, 3, 3]);
  });

  it('counts a preferred turn, so that the others catch up', () => {
    let cursor: Cursor = newCursor;
    for (let at = 0; at < 3; at += 1) cursor = takeTurnOf(cursor, 'a').cursor;
    expect(picks(times(6, ['a', 'b', 'c']), cursor)).toEqual(['b', 'c', 'b', 'c', 'b', 'c']);
  });

  it('names whose turn it is without taking it, and refuses to choose among nobody', () => {
    expect(nextInTurn(newCursor, ['b', 'a'])).toBe('b');
    expect(() => takeTurn(newCursor, [])).toThrow('needs somebody');
  });
});
