import { expect, it } from 'vitest';
import { judge } from './judge.ts';
import { parseReply } from './reply.ts';
import { dsnStatus } from './status.ts';
import type { Happening } from './types.ts';

function refused(phase: 'greeting' | 'rcpt', line: string): string {
  const reply = parseReply(line);
  if (reply === undefined) throw new Error(line);
  const happening: Happening = {
    phase,
    cause: { kind: 'reply', reply },
    reused: false,
    firstCommand: false,
    rcptAccepted: false,
    terminatorSent: false,
    sameHostRetried: false,
  };
  return dsnStatus(judge(happening, 'scoped'), reply);
}

it("a bounce carries the reply's own enhanced code, else 5.0.0", () => {
  expect(refused('rcpt', '550 5.1.1 unknown')).toBe('5.1.1');
  expect(refused('rcpt', '550 unknown')).toBe('5.0.0');
  expect(refused('rcpt', '550 4.1.1 odd')).toBe('5.0.0');
});

it('what is put off is of class 4, whatever the host said', () => {
  expect(refused('rcpt', '452 4.2.2 full')).toBe('4.2.2');
  expect(refused('greeting', '554 5.7.1 go away')).toBe('4.0.0');
});

it('expiry is 4.4.7, and without a reply the verdict decides', () => {
  const reply = parseReply('452 4.2.2 full');
  expect(dsnStatus({ fate: 'defer', enhancedCode: '4.0.0' }, reply, true)).toBe('4.4.7');
  expect(dsnStatus({ fate: 'defer', enhancedCode: '4.4.1' }, undefined)).toBe('4.4.1');
});
