import { describe, expect, it } from 'vitest';
import { outcomeOfError, outcomeOfReplies } from './transaction-outcome.ts';

const good = [
  [null, 'OK'],
  [null, 'record:created'],
  [null, 1],
  [null, 'mjob-0'],
  [null, 0],
] as const;

describe('replies of EXEC', () => {
  it('are success only if every one is', () => {
    expect(outcomeOfReplies(good)).toEqual({ kind: 'written', record: 'created' });
    for (const place of good.keys()) {
      const failed = good.map((reply, at) =>
        at === place ? ([new Error('WRONGTYPE'), undefined] as const) : reply,
      );
      expect(outcomeOfReplies(failed)).toMatchObject({ kind: 'half-written', entry: place });
      const negative = good.map((reply, at) => (at === place ? ([null, -5] as const) : reply));
      expect(outcomeOfReplies(negative)).toMatchObject({ kind: 'half-written', entry: place });
    }
  });

  it('are no success when a foreign body stood where ours should', () => {
    expect(outcomeOfReplies([[null, null], ...good.slice(1)])).toMatchObject({ kind: 'half-written' });
  });

  it('let a record that was accepted before stand, whatever became of the jobs written again', () => {
    const replies = [
      [null, null],
      [null, 'record:committed'],
      [new Error('NOSCRIPT'), undefined],
    ] as const;
    expect(outcomeOfReplies(replies)).toEqual({ kind: 'written', record: 'committed' });
  });

  it('tell lost scripts from other faults', () => {
    const lost = outcomeOfReplies([[new Error('NOSCRIPT No matching script'), undefined]]);
    expect(lost).toMatchObject({ kind: 'half-written', scriptsLost: true });
  });

  it('are in doubt when there are none', () => {
    expect(outcomeOfReplies(null)).toMatchObject({ kind: 'unsure' });
  });
});

describe('an EXEC that was rejected', () => {
  const full = Object.assign(new Error('EXECABORT Transaction discarded because of previous errors.'), {
    previousErrors: [new Error("OOM command not allowed when used memory > 'maxmemory'.")],
  });
  const timedOut: Error & { previousErrors?: Error[] } = new Error('Command timed out');
  timedOut.previousErrors = [timedOut];
  it.each([
    [full, { kind: 'nothing', why: 'full' }],
    [new Error('EXECABORT Transaction discarded'), { kind: 'nothing', why: 'unavailable' }],
    [
      new Error("Stream isn't writeable and enableOfflineQueue options is false"),
      { kind: 'nothing', why: 'unavailable' },
    ],
    [new Error('LOADING Redis is loading'), { kind: 'nothing', why: 'unavailable' }],
    [timedOut, { kind: 'unsure' }],
    [new Error('Connection is closed.'), { kind: 'unsure' }],
    ['a word nobody knows', { kind: 'unsure' }],
  ])('%s', (error, expected) => {
    expect(outcomeOfError(error)).toMatchObject(expected);
  });
});
