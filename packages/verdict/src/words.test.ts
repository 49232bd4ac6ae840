import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { verdictRows } from './table.ts';
import { verdictTable } from './words.ts';

it('rows 1 to 19 are there, each once, beside row 0', () => {
  const numbers = verdictRows.map((row) => row.row).sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: 20 }, (_, at) => at));
});

it('docs/verdicts.md shows exactly the table that is in force', () => {
  const page = readFileSync(new URL('../../../docs/verdicts.md', import.meta.url), 'utf8');
  const shown = page.split('\n').filter((line) => /^\| (\d+|#) \|/u.test(line));
  const inForce = verdictTable()
    .split('\n')
    .filter((line) => !line.startsWith('| ---'));
  expect(shown).toEqual(inForce);
});
