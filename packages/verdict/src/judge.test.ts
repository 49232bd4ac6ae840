import type { Phase } from '@mailwheel/envelope';
import { describe, expect, it } from 'vitest';
import { judge } from './judge.ts';
import { parseReply } from './reply.ts';
import { verdictRows } from './table.ts';
import type { Happening, Trouble, Verdict } from './types.ts';

const calm = {
  reused: false,
  firstCommand: false,
  rcptAccepted: false,
  terminatorSent: false,
  sameHostRetried: false,
};
type Given = Partial<Omit<Happening, 'phase' | 'cause'>>;

function said(phase: Phase, line: string, given: Given = {}): Happening {
  const reply = parseReply(line);
  if (reply === undefined) throw new Error(`no reply: ${line}`);
  return { phase, cause: { kind: 'reply', reply }, ...calm, ...given };
}

function met(phase: Phase, trouble: Trouble, given: Given = {}): Happening {
  return { phase, cause: { kind: 'trouble', trouble, detail: trouble }, ...calm, ...given };
}

/** `row next health fate`, so that a test reads like a line of the table. */
function brief(verdict: Verdict): string {
  return `${verdict.row} ${verdict.next} ${verdict.health} ${verdict.fate}`;
}
const scoped = (happening: Happening): string => brief(judge(happening, 'scoped'));

const dataReady: Given = { rcptAccepted: true };
const dotSent: Given = { rcptAccepted: true, terminatorSent: true };
const reusedFirst: Given = { reused: true, firstCommand: true };

describe('row 0: an answer to DATA after every recipient was refused', () => {
  it('does not count, whatever it says', () => {
    for (const line of ['554 5.5.1 no valid recipients', '503 need RCPT', '451 4.3.0 x', '421 bye']) {
      expect(scoped(said('data', line))).toBe('0 continue none none');
      expect(brief(judge(said('data', line), 'any-4xx'))).toBe('0 continue none none');
    }
  });
  it('counts when a recipient was accepted', () => {
    expect(scoped(said('data', '554 5.6.0 no', dataReady))).toBe('15 stop none bounce');
  });
});

describe('row 1: no session', () => {
  it('sets the host aside at once and asks the next', () => {
    for (const trouble of ['refused', 'timeout', 'lost'] as const) {
      expect(scoped(met('connect', trouble))).toBe('1 next-host fail defer');
      expect(scoped(met('greeting', trouble))).toBe('1 next-host fail defer');
    }
    expect(scoped(met('ehlo', 'timeout'))).toBe('1 next-host fail defer');
    expect(judge(met('connect', 'refused'), 'scoped').enhancedCode).toBe('4.4.1');
  });
  it('names TLS trouble under a required policy 4.7.5', () => {
    const cases = [
      met('tls', 'tls'),
      met('connect', 'tls'),
      met('tls', 'timeout'),
      met('ehlo', 'starttls-missing'),
      said('tls', '454 4.7.0 TLS not available'),
      said('tls', '502 5.5.1 not implemented'),
    ];
    for (const one of cases) {
      expect(scoped(one)).toBe('1 next-host fail defer');
      expect(judge(one, 'scoped').enhancedCode).toBe('4.7.5');
    }
  });
});

describe('row 2: the host does not want us as it is', () => {
  it('takes a 4xx or 5xx greeting as the host, never as the message', () => {
    for (const line of ['431 Mail system full', '554 5.7.1 no', '521 no mail here', '421 too busy']) {
      expect(scoped(said('greeting', line))).toBe('2 next-host fail defer');
    }
  });
  it('EHLO and HELO both refused, AUTH refused, 530 and 535 anywhere', () => {
    expect(scoped(said('ehlo', '550 5.7.1 who are you'))).toBe('2 next-host fail defer');
    expect(scoped(said('ehlo', '450 4.7.1 not now'))).toBe('2 next-host fail defer');
    expect(scoped(said('auth', '535 5.7.8 bad credentials'))).toBe('2 next-host fail defer');
    expect(scoped(said('auth', '454 4.7.0 later'))).toBe('2 next-host fail defer');
    expect(scoped(met('auth', 'auth-unavailable'))).toBe('2 next-host fail defer');
    for (const phase of ['mail', 'rcpt'] as const) {
      expect(scoped(said(phase, '530 5.7.0 Must issue STARTTLS first'))).toBe('2 next-host fail defer');
    }
    expect(scoped(said('data', '530 5.7.0 log in', dataReady))).toBe('2 next-host fail defer');
    expect(scoped(said('final', '535 5.7.8 log in', dotSent))).toBe('2 next-host fail defer');
  });
});

it('row 3: STARTTLS failed under the opportunistic policy', () => {
  expect(scoped(met('tls', 'starttls-failed'))).toBe('3 same-host-plain none none');
  expect(scoped(met('ehlo', 'starttls-failed'))).toBe('3 same-host-plain none none');
});

it('row 4: EHLO refused, HELO accepted', () => {
  expect(scoped(said('ehlo', '500 what?', { heloAccepted: true }))).toBe('4 continue none none');
  expect(scoped(said('ehlo', '502 5.5.1 no', { heloAccepted: true }))).toBe('4 continue none none');
});

describe('row 5: a pooled connection that had gone away', () => {
  it('asks the same host again on a fresh connection, without cost', () => {
    expect(scoped(said('mail', '421 4.4.2 idle too long', reusedFirst))).toBe('5 same-host-fresh none none');
    expect(scoped(met('mail', 'lost', reusedFirst))).toBe('5 same-host-fresh none none');
  });
  it('grants that once, to a reused connection only, and not to a time-out', () => {
    const again = { ...reusedFirst, sameHostRetried: true };
    expect(scoped(said('mail', '421 bye', again))).toBe('6 next-host fail defer');
    expect(scoped(met('mail', 'lost', again))).toBe('7 next-host soft defer');
    expect(scoped(said('mail', '421 bye', { firstCommand: true }))).toBe('6 next-host fail defer');
    expect(scoped(met('mail', 'lost', { firstCommand: true }))).toBe('7 next-host soft defer');
    expect(scoped(met('mail', 'timeout', reusedFirst))).toBe('7 next-host soft defer');
  });
  it('does not apply once the first command was answered', () => {
    expect(scoped(met('rcpt', 'lost', { reused: true }))).toBe('7 next-host soft defer');
    expect(scoped(said('rcpt', '421 bye', { reused: true }))).toBe('6 next-host fail defer');
  });
});

describe('row 6: 421', () => {
  it('before the terminator fails the host, with any enhanced code', () => {
    for (const phase of ['tls', 'ehlo', 'auth', 'mail', 'rcpt', 'data', 'body'] as const) {
      expect(scoped(said(phase, '421 4.7.0 closing', dataReady)), phase).toBe('6 next-host fail defer');
    }
  });
  it('after the terminator is a final reply like others', () => {
    expect(scoped(said('final', '421 4.3.2 shutting down', dotSent))).toBe('9 next-host soft defer');
    expect(scoped(said('final', '421 bye', dotSent))).toBe('10 next-host none defer');
  });
});

it('row 7: lost or timed out after the greeting, before the terminator', () => {
  for (const phase of ['auth', 'mail', 'rcpt', 'data', 'body'] as const) {
    expect(scoped(met(phase, 'lost')), phase).toBe('7 next-host soft defer');
    expect(scoped(met(phase, 'timeout')), phase).toBe('7 next-host soft defer');
  }
  expect(scoped(met('ehlo', 'lost'))).toBe('7 next-host soft defer');
  expect(judge(met('body', 'lost'), 'scoped').enhancedCode).toBe('4.4.2');
});

describe('rows 8 to 10: 4xx that is not about a recipient', () => {
  it('row 8: at MAIL the host says that it is the host', () => {
    for (const line of [
      '452 4.3.1 Insufficient system resources',
      '450 4.4.5 busy',
      '451 wait',
      '452 full',
    ]) {
      expect(scoped(said('mail', line))).toBe('8 next-host fail defer');
    }
  });
  it('row 8: an enhanced code of another class counts as none', () => {
    expect(scoped(said('mail', '452 5.7.1 x'))).toBe('8 next-host fail defer');
    expect(scoped(said('mail', '450 5.3.1 x'))).toBe('10 next-host none defer');
  });
  it('row 9: at DATA and after the dot it may be the message, hence soft', () => {
    for (const line of ['452 4.3.1 full', '451 4.4.2 x', '451 x', '452 x']) {
      expect(scoped(said('data', line, dataReady))).toBe('9 next-host soft defer');
      expect(scoped(said('final', line, dotSent))).toBe('9 next-host soft defer');
      expect(scoped(said('body', line, dataReady))).toBe('9 next-host soft defer');
    }
  });
  it('row 10: every other 4xx there', () => {
    for (const line of ['450 x', '451 4.7.1 greylisted', '452 4.2.2 x', '450 4.1.8 sender unknown']) {
      expect(scoped(said('mail', line))).toBe('10 next-host none defer');
      expect(scoped(said('data', line, dataReady))).toBe('10 next-host none defer');
      expect(scoped(said('final', line, dotSent))).toBe('10 next-host none defer');
    }
  });
});

describe('rows 11 to 14: 4xx for a recipient', () => {
  it('row 11: 4.3.x and 4.4.x speak of the host', () => {
    expect(scoped(said('rcpt', '452 4.3.1 full'))).toBe('11 next-host soft defer');
    expect(scoped(said('rcpt', '450 4.4.3 dns', dataReady))).toBe('11 next-host soft defer');
    expect(scoped(said('rcpt', '452 4.3.1 full', dataReady))).toBe('11 next-host soft defer');
  });
  it('row 12: too many recipients, once one was accepted; the rest at once', () => {
    for (const line of ['452 too many', '452 4.5.3 too many', '552 too many', '552 5.5.3 too many']) {
      expect(scoped(said('rcpt', line, dataReady)), line).toBe('12 same-host-rest none defer');
      const again = { ...dataReady, restTransaction: true, sameHostRetried: true };
      expect(scoped(said('rcpt', line, again)), line).toBe('12 same-host-rest none defer');
    }
  });
  it('row 12: defers the rest when the new transaction accepts none of it, also for 552', () => {
    for (const line of ['452 4.5.3 too many', '552 5.5.3 too many']) {
      expect(scoped(said('rcpt', line, { restTransaction: true })), line).toBe('12 stop none defer');
    }
  });
  it('row 12 needs a recipient accepted and no other reason', () => {
    expect(scoped(said('rcpt', '452 4.5.3 too many'))).toBe('14 next-host none defer');
    expect(scoped(said('rcpt', '552 too big'))).toBe('15 stop none bounce');
    expect(scoped(said('rcpt', '552 5.2.2 mailbox full', dataReady))).toBe('15 stop none bounce');
    expect(scoped(said('rcpt', '452 4.2.2 mailbox full', dataReady))).toBe('13 stop none defer');
    expect(scoped(said('mail', '552 5.3.4 too big', dataReady))).toBe('15 stop none bounce');
  });
  it('row 13: a mailbox is the same everywhere', () => {
    expect(scoped(said('rcpt', '452 4.2.2 mailbox full'))).toBe('13 stop none defer');
    expect(scoped(said('rcpt', '450 4.2.1 busy', dataReady))).toBe('13 stop none defer');
  });
  it('row 14: greylisting and all the rest, same host first after a minute', () => {
    for (const line of ['450 x', '451 x', '452 x', '450 4.7.1 greylisted', '451 5.3.0 odd', '450 4.1.1 x']) {
      const verdict = judge(said('rcpt', line), 'scoped');
      expect(brief(verdict), line).toBe('14 next-host none defer');
      expect(verdict.notBeforeSeconds).toBe(60);
    }
  });
});

describe('rows 15 and 16: 5xx', () => {
  it('row 15: refused for good', () => {
    for (const line of [
      '550 5.1.1 unknown',
      '550 x',
      '554 5.7.1 spam',
      '501 5.1.3 bad address',
      '501 x',
      '521 x',
      '551 x',
    ]) {
      expect(scoped(said('mail', line)), line).toBe('15 stop none bounce');
      expect(scoped(said('rcpt', line)), line).toBe('15 stop none bounce');
      expect(scoped(said('data', line, dataReady)), line).toBe('15 stop none bounce');
      expect(scoped(said('final', line, dotSent)), line).toBe('15 stop none bounce');
    }
    expect(judge(said('rcpt', '550 x'), 'scoped').enhancedCode).toBe('5.0.0');
  });
  it('row 15: after the dot 500 to 504 speak of the message', () => {
    for (const line of ['500 line too long', '501 5.5.2 x', '503 x', '555 x']) {
      expect(scoped(said('final', line, dotSent)), line).toBe('15 stop none bounce');
    }
  });
  it('row 16: our session is broken: once more without pipelining, then the next host', () => {
    for (const line of ['500 x', '501 5.5.4 x', '502 5.5.1 x', '503 5.5.1 x', '504 x', '555 5.5.4 x']) {
      const first = judge(said('rcpt', line), 'scoped');
      expect(brief(first), line).toBe('16 same-host-fresh soft defer');
      expect(first.withoutPipelining).toBe(true);
      const second = judge(said('rcpt', line, { sameHostRetried: true }), 'scoped');
      expect(brief(second), line).toBe('16 next-host soft defer');
      expect(second.withoutPipelining).toBeUndefined();
    }
  });
  it('row 16: replies out of step, in any phase before the terminator', () => {
    expect(scoped(met('mail', 'out-of-step'))).toBe('16 same-host-fresh soft defer');
    expect(scoped(met('greeting', 'out-of-step', { sameHostRetried: true }))).toBe('16 next-host soft defer');
    expect(scoped(said('rcpt', '354 go ahead'))).toBe('16 same-host-fresh soft defer');
    expect(scoped(said('data', '250 ok', dataReady))).toBe('16 same-host-fresh soft defer');
  });
});

it('row 17: what the host cannot do is asked of the next', () => {
  const codes = {
    'smtputf8-missing': '5.6.7',
    'size-exceeded': '5.3.4',
    'extension-missing': '5.3.3',
  } as const;
  for (const [trouble, code] of Object.entries(codes)) {
    const verdict = judge(met('ehlo', trouble as Trouble), 'scoped');
    expect(brief(verdict)).toBe('17 next-host none bounce');
    expect(verdict.enhancedCode).toBe(code);
  }
});

it('row 18: after the terminator nothing but a 4xx or 5xx reply is an answer', () => {
  for (const trouble of [
    'lost',
    'timeout',
    'tls',
    'unknown',
    'refused',
    'out-of-step',
    'starttls-failed',
  ] as const) {
    expect(scoped(met('final', trouble, dotSent)), trouble).toBe('18 stop soft unknown-outcome');
    expect(scoped(met('body', trouble, dotSent)), trouble).toBe('18 stop soft unknown-outcome');
    expect(scoped(met('final', trouble, { ...dotSent, ...reusedFirst }))).toBe(
      '18 stop soft unknown-outcome',
    );
  }
  expect(scoped(said('final', '354 go on', dotSent))).toBe('18 stop soft unknown-outcome');
});

it('row 19: what nobody foresaw is transient, harms nobody and is counted', () => {
  for (const one of [
    met('mail', 'unknown'),
    met('connect', 'unknown'),
    met('dns', 'timeout'),
    said('dns', '550 x'),
  ]) {
    expect(scoped(one)).toBe('19 next-host none defer');
    expect(judge(one, 'scoped').unclassified).toBe(true);
  }
});

it('rows 10, 13, 14, 15 and 17 settle a probe, no other row does', () => {
  const rows = verdictRows.filter((row) => row.effect.probeSucceeded === true).map((row) => row.row);
  expect(rows.sort((a, b) => a - b)).toEqual([10, 13, 14, 15, 17]);
});

describe('preset any-4xx', () => {
  it('sets the host aside for every 4xx of any row, and changes nothing else', () => {
    const lines: readonly Happening[] = [
      said('mail', '421 bye', reusedFirst),
      said('final', '451 4.3.0 x', dotSent),
      said('mail', '450 4.7.1 x'),
      said('rcpt', '452 4.3.1 x'),
      said('rcpt', '452 4.5.3 x', dataReady),
      said('rcpt', '452 4.2.2 x'),
      said('rcpt', '450 4.7.1 x'),
    ];
    for (const one of lines) {
      const plain = judge(one, 'scoped');
      const strict = judge(one, 'any-4xx');
      expect(strict).toEqual({ ...plain, health: 'fail', probeSucceeded: false });
    }
  });
  it('leaves 5xx and troubles as they are', () => {
    for (const one of [
      said('rcpt', '550 x'),
      met('body', 'lost'),
      met('final', 'lost', dotSent),
      met('connect', 'refused'),
    ]) {
      expect(judge(one, 'any-4xx')).toEqual(judge(one, 'scoped'));
    }
  });
});

it('what was said to the envelope means the same when the body followed for other recipients', () => {
  const lines = [
    '421 x',
    '452 4.5.3 x',
    '452 4.2.2 x',
    '450 4.7.1 x',
    '503 5.5.1 x',
    '550 5.1.1 x',
    '451 4.3.0 x',
  ];
  for (const line of lines) {
    expect(scoped(said('rcpt', line, dotSent)), line).toBe(scoped(said('rcpt', line, dataReady)));
  }
});
