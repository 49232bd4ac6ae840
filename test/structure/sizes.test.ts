/** Files stay small enough to be read whole. The limits are those of code that people call clean; see CONTRIBUTING.md. */
import { describe, expect, it } from 'vitest';
import { allSources, productionSources, read } from './tree.ts';

const linesMax = 400;
const medianLinesMax = 150;
const ninetiethLinesMax = 300;

function linesOf(path: string): number {
  return read(path).trimEnd().split('\n').length;
}

describe('file sizes', () => {
  it('have a limit', () => {
    expect(
      allSources.map((path) => ({ path, lines: linesOf(path) })).filter(({ lines }) => lines > linesMax),
    ).toEqual([]);
  });

  it('are mostly well below it', () => {
    const sizes = productionSources.map(linesOf).toSorted((a, b) => a - b);
    expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThanOrEqual(medianLinesMax);
    expect(sizes[Math.floor(sizes.length * 0.9)]).toBeLessThanOrEqual(ninetiethLinesMax);
  });
});
