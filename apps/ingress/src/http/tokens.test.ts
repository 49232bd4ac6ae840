import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createAccess } from './tokens.ts';

const secret = 'a-secret-of-the-test';

test('the time of a comparison does not depend on how much of the token is right', async () => {
  const digest = createHash('sha256').update(secret).digest('hex');
  const tokens = Array.from({ length: 500 }, (_, at) => ({
    name: `t${at}`,
    sha256: at === 0 ? digest : createHash('sha256').update(`${at}`).digest('hex'),
  }));
  const access = createAccess({ tokens, trusted: () => false, insecure: false });
  const rounds = 300;
  const medianMs = (bearer: string): number => {
    const times = Array.from({ length: rounds }, () => {
      const startedMs = performance.now();
      access({ authorization: `Bearer ${bearer}`, clientAddress: '' });
      return performance.now() - startedMs;
    });
    return times.toSorted((a, b) => a - b)[rounds / 2] ?? 0;
  };
  medianMs(secret);
  // A loop that ended at the first match would take a five-hundredth of the time for the first token.
  expect(medianMs(secret) / medianMs('wrong')).toBeGreaterThan(0.5);
});
