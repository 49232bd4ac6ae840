import { describe, expect, test } from 'vitest';
import { unavailableReason } from './errors.ts';

describe('what is known about a command that failed', () => {
  test('an EXEC refused because Redis is full says so through the errors before it', () => {
    const refused = Object.assign(new Error('EXECABORT Transaction discarded because of previous errors.'), {
      previousErrors: [new Error("OOM command not allowed when used memory > 'maxmemory'.")],
    });
    expect(unavailableReason(refused)).toBe('full');
  });

  test('an error that lists itself among its previous ones does not send us round for ever', () => {
    const timedOut = Object.assign(new Error('Command timed out'), { previousErrors: [] as unknown[] });
    timedOut.previousErrors.push(timedOut);
    expect(unavailableReason(timedOut)).toBe('unknown');
  });

  test('never sent, refused, and the default: it may have run', () => {
    expect(
      unavailableReason(new Error("Stream isn't writeable and enableOfflineQueue options is false")),
    ).toBe('not-sent');
    expect(unavailableReason(new Error('READONLY You can not write against a read only replica.'))).toBe(
      'refused',
    );
    expect(unavailableReason(new Error('Connection is closed.'))).toBe('unknown');
    expect(unavailableReason('what')).toBe('unknown');
  });
});
