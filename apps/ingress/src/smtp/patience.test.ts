/** What a client may take its time with, and for how long. */
import { expect, test } from 'vitest';
import { judgePatience, Patience, sweepIntervalMs } from './patience.ts';

const limits = { idleMs: 300_000, loginMs: 120_000, transactionMs: 3_600_000, dataBytesPerSecondMin: 1000 };
const start = {
  connectedMs: 0,
  owingSinceMs: 0,
  transactionSinceMs: 0,
  dataBytes: undefined,
  mayRelay: true,
};

test.each([
  ['a command that is not whole in time', { nowMs: 300_000 }, 'command'],
  ['a command that still may come', { nowMs: 299_999 }, undefined],
  ['a command after others', { nowMs: 400_000, owingSinceMs: 200_000 }, undefined],
  ['a message that begins late', { nowMs: 300_000, dataBytes: 0 }, 'data'],
  ['a message that has earned its time', { nowMs: 309_999, dataBytes: 10_000 }, undefined],
  ['a message that has used it up', { nowMs: 310_000, dataBytes: 10_000 }, 'data'],
  ['a message that takes for ever, however steadily', { nowMs: 3_600_000, dataBytes: 1e9 }, 'transaction'],
  [
    'a stranger who does not log in, however busy',
    { nowMs: 120_000, owingSinceMs: 119_999, mayRelay: false },
    'login',
  ],
  ['a stranger who still may', { nowMs: 119_999, owingSinceMs: 119_000, mayRelay: false }, undefined],
])('%s', (_name, progress, verdict) => {
  expect(judgePatience({ ...start, ...progress }, limits)).toBe(verdict);
});

test('time in which we are slow is not counted, a command or a message begins anew', () => {
  const patience = new Patience(limits);
  const client = { weAreSlow: false, dataBytes: undefined, mayRelay: true };
  expect(patience.judge(1000, client)).toBeUndefined();
  expect(patience.judge(200_000, { ...client, weAreSlow: true })).toBeUndefined();
  expect(patience.judge(499_000, client)).toBeUndefined();
  patience.commandCame();
  expect(patience.judge(500_000, client)).toBeUndefined();
  expect(patience.judge(799_999, client)).toBeUndefined();
  expect(patience.judge(800_000, client)).toBe('command');
  patience.transactionEnded();
  expect(patience.judge(801_000, client)).toBeUndefined();
  for (let nowMs = 802_000; nowMs < 4_401_000; nowMs += 100_000) {
    patience.commandCame();
    expect(patience.judge(nowMs, client)).toBeUndefined();
  }
  patience.commandCame();
  expect(patience.judge(4_401_000, client)).toBe('transaction');
});

test('the sweep is as fine as the shortest limit needs, and no finer than a second', () => {
  expect(sweepIntervalMs(limits)).toBe(1000);
  expect(sweepIntervalMs({ ...limits, idleMs: 500 })).toBe(125);
});

test('a message whose data took longer than a command may is not cut off while it is being stored', () => {
  const patience = new Patience({
    idleMs: 1000,
    loginMs: 1e9,
    transactionMs: 1e9,
    dataBytesPerSecondMin: 1000,
  });
  const sending = { mayRelay: true, weAreSlow: false };
  expect(patience.judge(0, { ...sending, dataBytes: 0 })).toBeUndefined();
  expect(patience.judge(5000, { ...sending, dataBytes: 9000 })).toBeUndefined();
  expect(patience.judge(5100, { mayRelay: true, weAreSlow: true, dataBytes: undefined })).toBeUndefined();
  patience.transactionEnded();
  expect(patience.judge(5200, { ...sending, dataBytes: undefined })).toBeUndefined();
});
