import type { Envelope, NotifyCondition } from '@mailwheel/envelope';
import { expect, it } from 'vitest';
import { reportsWanted } from './reports-wanted.ts';
import type { ReportKind } from './types.ts';

function envelope(notify: NotifyCondition[] | undefined, reversePath = 'a@example.org'): Envelope {
  const recipient = { index: 0, address: 'u@example.com', destination: 'example.com' };
  return {
    reversePath,
    recipients: [notify === undefined ? recipient : { ...recipient, notify }],
  } as unknown as Envelope;
}
const one = [{ index: 0, action: 'failed', status: '5.0.0' }] as const;
const kinds: ReportKind[] = ['refused', 'expired', 'delayed', 'relayed'];

function wanted(from: Envelope, delayUnasked = false): ReportKind[] {
  return kinds.filter((kind) => reportsWanted(from, kind, one, { delayUnasked }).length > 0);
}

it.each([
  [undefined, ['refused', 'expired']],
  [['NEVER'], []],
  [['FAILURE'], ['refused', 'expired']],
  [['SUCCESS'], ['relayed']],
  [['DELAY'], ['delayed']],
  [
    ['SUCCESS', 'FAILURE', 'DELAY'],
    ['refused', 'expired', 'delayed', 'relayed'],
  ],
] as [NotifyCondition[] | undefined, ReportKind[]][])('NOTIFY=%s', (notify, expected) => {
  expect(wanted(envelope(notify))).toEqual(expected);
  expect(wanted(envelope(notify, ''))).toEqual([]);
});

it('a delay is reported unasked only where the operator wants it, and never against NOTIFY', () => {
  expect(wanted(envelope(undefined), true)).toContain('delayed');
  expect(wanted(envelope(['FAILURE']), true)).not.toContain('delayed');
  expect(wanted(envelope(['NEVER']), true)).toEqual([]);
});

it('speaks only of the recipients that want it', () => {
  const mixed = {
    reversePath: 'a@example.org',
    recipients: [{ notify: ['NEVER'] }, {}, { notify: ['FAILURE'] }],
  } as unknown as Envelope;
  const all = [0, 1, 2].map((index) => ({ index, action: 'failed', status: '5.0.0' }) as const);
  expect(reportsWanted(mixed, 'refused', all).map(({ index }) => index)).toEqual([1, 2]);
});
