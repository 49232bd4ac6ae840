/** Goes through every happening that the vocabulary can express: no gap in the table, and no verdict that loses mail. */
import type { Phase } from '@mailwheel/envelope';
import { expect, it } from 'vitest';
import { judge } from './judge.ts';
import type { Happening, Reply, Trouble } from './types.ts';

const phases: readonly Phase[] = [
  'dns',
  'connect',
  'tls',
  'greeting',
  'ehlo',
  'auth',
  'mail',
  'rcpt',
  'data',
  'body',
  'final',
];
const troubles: readonly Trouble[] = [
  'refused',
  'timeout',
  'lost',
  'tls',
  'starttls-missing',
  'starttls-failed',
  'smtputf8-missing',
  'size-exceeded',
  'extension-missing',
  'out-of-step',
  'auth-unavailable',
  'unknown',
];
const codes = [250, 354, 421, 431, 450, 451, 452, 500, 501, 503, 530, 535, 550, 552, 555];
const subjects = ['', '.2.2', '.3.1', '.4.2', '.5.3', '.5.1', '.7.1'];

const causes: readonly Happening['cause'][] = [
  ...troubles.map((trouble) => ({ kind: 'trouble', trouble, detail: trouble }) as const),
  ...codes.flatMap((code) =>
    subjects.map((tail) => ({ kind: 'reply', reply: replyOf(code, tail) }) as const),
  ),
];

function replyOf(code: number, tail: string): Reply {
  const enhancedCode = `${Math.floor(code / 100)}${tail}`;
  return { code, ...(tail === '' ? {} : { enhancedCode }), text: 'x', line: `${code} x` };
}

function* everyHappening(): Generator<Happening> {
  for (const phase of phases) {
    for (let bits = 0; bits < 2 ** 7; bits += 1) {
      const flag = (at: number): boolean => (bits & (1 << at)) !== 0;
      for (const cause of causes) {
        yield {
          phase,
          cause,
          reused: flag(0),
          firstCommand: flag(1),
          rcptAccepted: flag(2),
          terminatorSent: flag(3),
          sameHostRetried: flag(4),
          heloAccepted: flag(5),
          restTransaction: flag(6),
        };
      }
    }
  }
}

/** The promise that a verdict breaks, if any. */
function broken(happening: Happening): string | undefined {
  const { row, next, health, fate, enhancedCode, probeSucceeded } = judge(happening, 'scoped');
  const { phase, cause, terminatorSent, sameHostRetried } = happening;
  const first = cause.kind === 'reply' ? Math.floor(cause.reply.code / 100) : 0;
  if (fate === 'bounce' && first !== 5 && row !== 17) return 'bounces without a 5xx reply or row 17';
  if (terminatorSent && first < 4 && fate !== 'unknown-outcome') return 'forgets that the outcome is unknown';
  if (terminatorSent && first < 4 && next !== 'stop') return 'may send a second copy in the same attempt';
  if (!terminatorSent && fate === 'unknown-outcome') return 'calls unknown what was never sent';
  const toTheBody = phase === 'body' || phase === 'final';
  if (terminatorSent && toTheBody && next.startsWith('same-host')) return 'asks the same host twice';
  if (next === 'stop' && fate === 'none') return 'stops without a fate';
  if (next === 'same-host-fresh' && sameHostRetried) return 'grants the fresh connection twice';
  if (enhancedCode.charAt(0) !== (fate === 'bounce' ? '5' : '4')) return 'has a status of the wrong class';
  if (probeSucceeded && health !== 'none') return 'takes a probe as passed and as failed';
  const strict = judge(happening, 'any-4xx');
  if (strict.next !== next || strict.fate !== fate) return 'any-4xx changes more than health';
  if (first === 4 && row !== 0 && strict.health !== 'fail') return 'any-4xx lets a 4xx pass';
  return undefined;
}

it('has a row for every happening, and every row keeps the promises that mail depends on', () => {
  const rows = new Set<number>();
  let count = 0;
  for (const happening of everyHappening()) {
    count += 1;
    rows.add(judge(happening, 'scoped').row);
    const promise = broken(happening);
    if (promise !== undefined) expect.fail(`${promise}: ${JSON.stringify(happening)}`);
  }
  expect(count).toBeGreaterThan(150_000);
  expect([...rows].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at));
});
