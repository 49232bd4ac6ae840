import type { DestinationKey, Recipient } from '@mailwheel/envelope';
import type { HostOutcome, PickMode } from '@mailwheel/rotation';
import type { Host } from '@mailwheel/routing';
import type { Happening, Reply, Verdict } from '@mailwheel/verdict';
import { describe, expect, test } from 'vitest';
import { RecipientBoard, type Remark } from './board.ts';
import { hostOutcome } from './health.ts';

const host: Host = {
  key: 'h1',
  label: '10.0.0.1:25',
  address: '10.0.0.1',
  port: 25,
  policy: { tls: 'none' },
};
const ok: Reply = { code: 250, text: 'Ok', line: '250 Ok' };

function recipients(count: number): Recipient[] {
  return Array.from({ length: count }, (_, index) => ({
    index,
    address: `u${index}@example.com`,
    destination: 'example.com' as DestinationKey,
  }));
}

function said(line: string, verdict: Partial<Verdict>): Remark {
  const code = Number(line.slice(0, 3));
  const happening: Happening = {
    phase: 'rcpt',
    cause: { kind: 'reply', reply: { code, text: line.slice(4), line } },
    reused: false,
    firstCommand: false,
    rcptAccepted: false,
    terminatorSent: false,
    sameHostRetried: false,
  };
  const whole: Verdict = {
    row: 1,
    next: 'next-host',
    health: 'none',
    fate: 'defer',
    enhancedCode: '4.0.0',
    probeSucceeded: false,
    ...verdict,
  };
  return { verdict: whole, happening, host, atMs: 5 };
}

describe('the board of recipients', () => {
  test('a recipient that was accepted is not offered again, whatever is said later', () => {
    const board = new RecipientBoard(recipients(2));
    board.accepted(0, ok, { host, atMs: 1 });
    board.judged(0, said('550 5.1.1 no', { next: 'stop', fate: 'bounce' }));
    expect(board.open().map((one) => one.index)).toEqual([1]);
    expect(board.finals().get(0)?.result.state).toBe('delivered');
  });

  test('mailbox trouble stops this recipient alone; host trouble leaves it for the next host', () => {
    const board = new RecipientBoard(recipients(3));
    board.judged(0, said('452 4.2.2 full', { next: 'stop' }));
    board.judged(1, said('452 4.3.1 full', {}));
    expect(board.open().map((one) => one.index)).toEqual([1, 2]);
    expect([...board.deferred().keys()]).toEqual([0]);
  });

  test('what would bounce because hosts lack something waits while a host was not asked', () => {
    const lacking = said('550 no SMTPUTF8', { fate: 'bounce', enhancedCode: '5.6.7' });
    const some = new RecipientBoard(recipients(1));
    some.judged(0, lacking);
    some.exhausted(false);
    expect([...some.deferred().keys()]).toEqual([0]);
    const all = new RecipientBoard(recipients(1));
    all.judged(0, lacking);
    all.exhausted(true);
    expect(all.finals().get(0)?.result.state).toBe('bounced');
  });

  test('an enhanced code of the wrong class does not become the status of a bounce', () => {
    const board = new RecipientBoard(recipients(1));
    board.judged(0, said('550 4.1.1 odd', { next: 'stop', fate: 'bounce', enhancedCode: '5.0.0' }));
    expect(board.finals().get(0)?.enhancedCode).toBe('5.0.0');
  });
});

interface Case {
  readonly name: string;
  readonly mode: PickMode;
  readonly verdicts: readonly Verdict[];
  readonly accepted: number;
  readonly expected: HostOutcome | undefined;
}

describe('what a transaction teaches about its host', () => {
  const verdict = (part: Partial<Verdict>): Verdict => said('450 x', part).verdict;

  const cases: readonly Case[] = [
    { name: 'go and accepted: no call at all', mode: 'go', verdicts: [], accepted: 1, expected: undefined },
    {
      name: 'suspect and accepted: clears the suspicion',
      mode: 'suspect',
      verdicts: [],
      accepted: 1,
      expected: 'ok',
    },
    { name: 'probe and accepted', mode: 'probe', verdicts: [], accepted: 1, expected: 'ok' },
    {
      name: 'one failing verdict outweighs an acceptance',
      mode: 'go',
      verdicts: [verdict({ health: 'fail' })],
      accepted: 1,
      expected: 'fail',
    },
    {
      name: 'soft, nothing accepted',
      mode: 'go',
      verdicts: [verdict({ health: 'soft' })],
      accepted: 0,
      expected: 'soft',
    },
    {
      name: 'soft, but something accepted',
      mode: 'go',
      verdicts: [verdict({ health: 'soft' })],
      accepted: 1,
      expected: undefined,
    },
    {
      name: 'a mailbox refusal leaves a healthy host alone',
      mode: 'go',
      verdicts: [verdict({ probeSucceeded: true })],
      accepted: 0,
      expected: undefined,
    },
    {
      name: 'a mailbox refusal proves a probed host',
      mode: 'probe',
      verdicts: [verdict({ probeSucceeded: true })],
      accepted: 0,
      expected: 'ok',
    },
    {
      name: 'a mailbox refusal does not clear a suspicion',
      mode: 'suspect',
      verdicts: [verdict({ probeSucceeded: true })],
      accepted: 0,
      expected: undefined,
    },
    {
      name: 'a probe that taught nothing gives its lease back',
      mode: 'probe',
      verdicts: [],
      accepted: 0,
      expected: 'soft',
    },
  ];
  test.each(cases)('$name', ({ mode, verdicts, accepted, expected }) => {
    expect(hostOutcome(mode, verdicts, accepted)).toBe(expected);
  });
});
