import { createMessageId, type MessageId } from '@mailwheel/envelope';
import { expect, it } from 'vitest';
import { Withdrawals } from './withdrawal.ts';

const id = createMessageId(new Uint8Array(17), 0);

/** A store that answers from a script, the last answer for ever. */
function store(...answers: (boolean | Error)[]): {
  revoke: (id: MessageId) => Promise<boolean>;
  asked: number;
} {
  const self = {
    asked: 0,
    async revoke() {
      const answer = answers[Math.min(self.asked++, answers.length - 1)];
      if (answer instanceof Error) throw answer;
      return answer === true;
    },
  };
  return self;
}
const away = new Error('Connection is closed.');

it('tries again while the caller can wait', async () => {
  const withdrawals = new Withdrawals({ revoke: store(away, true).revoke, waitMsMax: 500 });
  expect(await withdrawals.withdraw(id, { goOn: true })).toBe('revoked');
  expect(withdrawals.doubtful).toBe(0);
});

it('is too late once an attempt started', async () => {
  const withdrawals = new Withdrawals({ revoke: store(false).revoke, waitMsMax: 500 });
  expect(await withdrawals.withdraw(id, { goOn: true })).toBe('too-late');
});

it('answers in time when Redis says nothing, and goes on in the background', async () => {
  let answer: ((revoked: boolean) => void) | undefined;
  const withdrawals = new Withdrawals({
    revoke: () => new Promise((resolve) => (answer = resolve)),
    waitMsMax: 30,
  });
  expect(await withdrawals.withdraw(id, { goOn: true })).toBe('not-done');
  expect(withdrawals.doubtful).toBe(1);
  const round = withdrawals.round();
  answer?.(true);
  await round;
  expect(withdrawals.doubtful).toBe(0);
});

it('gives up in the background after roundsMax, and never starts there when told not to', async () => {
  const withdrawals = new Withdrawals({ revoke: store(away).revoke, waitMsMax: 0, roundsMax: 2 });
  await withdrawals.withdraw(id, { goOn: false });
  expect(withdrawals.doubtful).toBe(0);
  await withdrawals.withdraw(id, { goOn: true });
  await withdrawals.round();
  expect(withdrawals.doubtful).toBe(1);
  await withdrawals.round();
  expect(withdrawals.doubtful).toBe(0);
});

it('forgets the oldest of too many', async () => {
  const withdrawals = new Withdrawals({ revoke: store(away).revoke, waitMsMax: 0, rememberedMax: 2 });
  for (const shard of [1, 2, 3]) {
    await withdrawals.withdraw(createMessageId(new Uint8Array(17), shard), { goOn: true });
  }
  expect(withdrawals.doubtful).toBe(2);
});
