/**
 * The judge of an attack: `node test/attack/judge/judge.ts FOLDER`. Reads the driver's and the hosts' files, the attacker's
 * acts, the lines of the ingress logs that count `accept_unknown`, and asks Redis for what is left. Shares no code with the product. Exit
 * code 0: every promise was kept.
 */
import { readEvidence } from './evidence.ts';
import { judge, type Finding, type Tally } from './findings.ts';
import { orphansIn } from './orphans.ts';

const shownMax = 8;
const folder = process.argv[2] ?? '.';
const evidence = await readEvidence(folder);
const { tally, findings } = judge(evidence);
const orphans = process.argv.includes('--no-redis') ? [] : orphansIn(evidence.layout.redisPort);

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

say(table(rowsOf(tally)));
for (const [what, of] of Map.groupBy(findings, (finding: Finding) => finding.what)) {
  say(`${what}: ${of.length}`);
  for (const { number, detail } of of.slice(0, shownMax)) say(`  message ${number}: ${detail}`);
}
if (orphans.length > 0) {
  say(`left in Redis: ${orphans.length}`);
  for (const orphan of orphans.slice(0, shownMax)) say(`  ${orphan}`);
}
process.exit(findings.length === 0 && orphans.length === 0 ? 0 : 1);

function rowsOf(of: Tally): [string, string][] {
  const copies = [...of.secondCopies.values()].reduce((sum, count) => sum + count, 0);
  return [
    ['messages accepted (250, 202)', String(of.accepted)],
    ['  their recipients', String(of.recipients)],
    ['  lost', String(findings.filter((one) => one.what === 'lost').length)],
    ['refused (4xx, 5xx), reached nobody', String(of.refused)],
    ['refused but stored (accept_unknown)', String(of.unknown)],
    ['no reply / of them stored', `${of.silent} / ${of.silentReached}`],
    ['never finished by the client', String(of.unfinished)],
    ['recipients delivered / bounced', `${of.delivered} / ${of.bounced}`],
    ['copies taken by hosts / reports', `${of.transactions} / ${of.reports}`],
    ['second copies', String(copies)],
    ...[...of.exposed].map(([cause, count]): [string, string] => [
      `  ${cause}: second / exposed`,
      `${of.secondCopies.get(cause) ?? 0} / ${count}`,
    ]),
    [
      'second copies without a cause',
      String(findings.filter((one) => one.what === 'second copy without a cause').length),
    ],
    ['left in Redis', String(orphans.length)],
  ];
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n');
}
