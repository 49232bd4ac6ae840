/** The table in words, as docs/verdicts.md shows it. */
import { verdictRows, type VerdictRow } from './table.ts';
import type { HostHealthEffect, NextStep, RecipientFate } from './types.ts';

const nextWords: Readonly<Record<NextStep, string>> = {
  'next-host': 'yes',
  'same-host-fresh': 'same host, fresh connection, once',
  'same-host-plain': 'same host, plain text',
  'same-host-rest': 'same host, the rest at once in a new transaction',
  continue: 'goes on',
  stop: '**no**',
};
const healthWords: Readonly<Record<HostHealthEffect, string>> = {
  fail: 'fails at once',
  soft: 'soft',
  none: 'no',
};
const fateWords: Readonly<Record<RecipientFate, string>> = {
  defer: 'defer',
  bounce: 'bounce',
  'unknown-outcome': 'outcome unknown',
  none: '-',
};

/** The table as Markdown, rows in the order of their numbers. */
export function verdictTable(): string {
  const head = '| # | what happened | next host in this attempt | host health | if nothing is left |';
  const rows = [...verdictRows].sort((a, b) => a.row - b.row).map((row) => tableRow(row));
  return [head, '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

function tableRow(row: VerdictRow): string {
  const fate = fateWords[row.effect.fate];
  const left = row.note === undefined ? fate : fate === '-' ? row.note : `${fate} (${row.note})`;
  return `| ${row.row} | ${row.what} | ${nextInWords(row)} | ${healthWords[row.effect.health]} | ${left} |`;
}

function nextInWords(row: VerdictRow): string {
  const then = row.afterRetry === undefined ? '' : `; then ${nextWords[row.afterRetry.next]}`;
  return `${nextWords[row.effect.next]}${then}`;
}
