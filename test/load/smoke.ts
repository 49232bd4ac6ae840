/**
 * The load test of `npm test`: under two minutes, and nothing in it depends on how fast the machine is. It fails when mail is
 * lost or comes twice, when something stays in Redis, when a message asks more of Redis than it should, and when Mailwheel
 * falls far behind others in the same run. Run by hand: `node test/load/smoke.ts`.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endAllOnInterrupt } from './measure/processes.ts';
import { kept, of } from './rows/loads.ts';
import { pass, type Passage } from './rows/passage.ts';
import type { Sample } from './rows/row.ts';
import { direct } from './subjects/direct.ts';
import { mailwheel } from './subjects/mailwheel.ts';
import { postfix, postfixObstacle } from './subjects/postfix.ts';

/** Through Mailwheel over through Postfix: 1.5 and more on a quiet machine of two cores. */
const overPostfixMin = 0.3;
/** Through Mailwheel over source straight to sink: 0.1 there. */
const overDirectMin = 0.015;
/** What clients send to Redis for a message, a script counting as one: 9 when busy. */
const clientCommandsMax = 12;
/** What Redis runs for a message, inside scripts too: 61. */
const commandsRunMax = 80;
/** A machine that is busy with something else just then gets a second try at the ratios. */
const triesMax = 2;

const passages = {
  direct: { subject: direct, load: of(kept, 5000), until: 'delivered', warmUpMessages: 500 },
  postfix: { subject: postfix, load: of(kept, 1500), until: 'delivered', warmUpMessages: 200 },
  mailwheel: {
    subject: mailwheel({ workers: 1 }),
    load: of(kept, 3000),
    until: 'delivered',
    warmUpMessages: 1500,
  },
} as const satisfies Record<string, Passage>;

interface Check {
  readonly says: string;
  readonly holds: boolean;
}

async function main(): Promise<number> {
  if (!existsSync('/usr/sbin/smtp-source')) {
    say('smtp-source and smtp-sink are not installed: they are in the Debian package postfix.');
    say('0 passed, 1 failed');
    return 1;
  }
  let checks: Check[] = [];
  for (let tries = 0; tries < triesMax; tries += 1) {
    checks = await round();
    if (checks.every(({ holds }) => holds)) break;
    for (const { says, holds } of checks) if (!holds) say(`not this time: ${says}`);
  }
  for (const { says, holds } of checks) say(`${holds ? 'ok    ' : 'FAILED'} ${says}`);
  const passed = checks.filter(({ holds }) => holds).length;
  say(`${passed} passed, ${checks.length - passed} failed`);
  return passed === checks.length ? 0 : 1;
}

async function round(): Promise<Check[]> {
  const obstacle = postfixObstacle();
  const alone = await sample(passages.direct);
  const beside = obstacle === undefined ? await sample(passages.postfix) : undefined;
  const ours = await sample(passages.mailwheel);
  const { clientCommands = Number.NaN, commandsRun = Number.NaN } = ours.redis ?? {};
  if (obstacle !== undefined) say(`Not compared with Postfix: ${obstacle}.`);
  return [
    ...(beside === undefined ? [] : [ratio(ours, beside, { name: 'Postfix', min: overPostfixMin })]),
    ratio(ours, alone, { name: 'source straight to sink', min: overDirectMin }),
    atMost('commands of clients a message', clientCommands, clientCommandsMax),
    atMost('commands run in Redis a message', commandsRun, commandsRunMax),
    {
      says: ours.failures.join('; ') || 'every message came once, and nothing is left',
      holds: ours.failures.length === 0,
    },
  ];
}

function ratio(ours: Sample, other: Sample, to: { readonly name: string; readonly min: number }): Check {
  const found = ours.perSecond / other.perSecond;
  const rates = `${Math.round(ours.perSecond)} to ${Math.round(other.perSecond)} messages/s`;
  return {
    says: `${found.toFixed(2)} x ${to.name}, at least ${to.min} (${rates})`,
    holds: found >= to.min,
  };
}

function atMost(what: string, found: number, max: number): Check {
  return { says: `${found.toFixed(1)} ${what}, at most ${max}`, holds: found <= max };
}

async function sample(passage: Passage): Promise<Sample> {
  const folder = await mkdtemp(join(tmpdir(), 'mailwheel-smoke-'));
  try {
    return await pass(passage, { folder, scale: 1 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

endAllOnInterrupt();
process.exitCode = await main();
