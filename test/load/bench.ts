/**
 * `npm run bench -- [row...] [--repeats 5] [--scale 1] [--write]`: measures the named rows (all without names), repeats
 * interleaved, and prints the tables. `--write` puts them into docs/performance.md. Nothing else should run meanwhile.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { endAllOnInterrupt } from './measure/processes.ts';
import { machine, writePage } from './report/page.ts';
import { plain, ratesTable, ratiosTable, redisTable, type RowResult } from './report/table.ts';
import { rows } from './rows/index.ts';
import type { Row, Sample } from './rows/row.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      repeats: { type: 'string', default: '5' },
      scale: { type: 'string', default: '1' },
      write: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.filter((name) => !rows.some((row) => row.name === name));
  if (unknown.length > 0) {
    say(`No such row: ${unknown.join(', ')}. There are:`);
    for (const row of rows) say(`  ${row.name.padEnd(16)} ${row.says}`);
    return 2;
  }
  const wanted = rows.filter((row) => positionals.length === 0 || positionals.includes(row.name));
  const possible = wanted.filter((row) => {
    const obstacle = row.obstacle?.();
    if (obstacle !== undefined) say(`${row.name} is left out: ${obstacle}`);
    return obstacle === undefined;
  });
  const setup = { repeats: Number(values.repeats), scale: Number(values.scale) };
  say(machine());
  const results = await measure(possible, setup);
  for (const table of [ratesTable(results), ratiosTable(results), redisTable(results)])
    if (table.length > 0) say(`\n${plain(table)}`);
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ');
  if (values.write) await writePage(results, { ...setup, command });
  const failures = results.flatMap(({ row, samples, broken }) =>
    [...broken, ...samples.flatMap((sample) => sample.failures)].map((failure) => `${row.name}: ${failure}`),
  );
  for (const failure of failures) say(failure);
  return failures.length === 0 ? 0 : 1;
}

/** One sample of each row, then the next of each: what changes on the machine meanwhile meets all rows. */
async function measure(
  possible: readonly Row[],
  setup: { readonly repeats: number; readonly scale: number },
): Promise<RowResult[]> {
  const results = possible.map((row) => ({ row, samples: [] as Sample[], broken: [] as string[] }));
  for (let repeat = 1; repeat <= setup.repeats; repeat += 1) {
    for (const { row, samples, broken } of results) {
      const folder = await mkdtemp(join(tmpdir(), 'mailwheel-bench-'));
      try {
        const sample = await row.run({ folder, scale: setup.scale });
        samples.push(sample);
        say(`${repeat}/${setup.repeats} ${row.name.padEnd(16)} ${Math.round(sample.perSecond)} messages/s`);
      } catch (error) {
        // The other rows are still worth having.
        broken.push(error instanceof Error ? error.message : String(error));
        say(`${repeat}/${setup.repeats} ${row.name.padEnd(16)} failed: ${broken.at(-1)}`);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
  }
  return results;
}

endAllOnInterrupt();
process.exitCode = await main();
