/** Puts the figures into docs/performance.md, between two marks; what people wrote around them stays. */
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { markdown, ratesTable, ratiosTable, redisTable, type RowResult } from './table.ts';

const page = new URL('../../../docs/performance.md', import.meta.url);
const begin = '<!-- figures: begin (written by npm run bench) -->';
const end = '<!-- figures: end -->';

export interface Setup {
  readonly repeats: number;
  readonly scale: number;
  readonly command: string;
}

export async function writePage(results: readonly RowResult[], setup: Setup): Promise<void> {
  const before = await readFile(page, 'utf8');
  const from = before.indexOf(begin);
  const to = before.indexOf(end);
  if (from < 0 || to < from)
    throw new Error(`docs/performance.md has no place for figures: ${begin} ... ${end}`);
  const figures = [begin, '', ...sections(results, setup), end].join('\n');
  await writeFile(page, before.slice(0, from) + figures + before.slice(to + end.length));
}

function sections(results: readonly RowResult[], setup: Setup): string[] {
  const tables = [ratesTable(results), ratiosTable(results), redisTable(results)];
  const legend = results.map(({ row }) => `- \`${row.name}\`: ${row.says}. \`npm run bench -- ${row.name}\``);
  return [
    `Machine: ${machine()}. ${setup.repeats} repeats, interleaved; medians. \`${setup.command}\``,
    '',
    ...legend,
    '',
    ...tables.filter((table) => table.length > 0).flatMap((table) => [markdown(table), '']),
  ];
}

/** What the figures depend on. */
export function machine(): string {
  const [cpu] = cpus();
  const parts = [
    `${cpus().length} x ${cpu?.model.trim() ?? 'unknown CPU'}`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `Linux ${version('uname', ['-r'])}`,
    `Node ${process.versions.node}`,
    version('redis-server', ['--version']).replace(/^(\S+) server v=(\S+).*/s, '$1 $2'),
    `Postfix ${version('/usr/sbin/postconf', ['-hd', 'mail_version'])}`,
  ];
  return parts.join(', ');
}

function version(program: string, words: readonly string[]): string {
  try {
    return execFileSync(program, words, { encoding: 'utf8' }).trim();
  } catch {
    return 'not installed';
  }
}
