/** Acceptance 4: the second tier carries everything while the first is down; traffic returns along the ramp. */
import { waitFor } from '@mailwheel/testkit';
import { expect, test } from 'vitest';
import { submitMany } from './bulk.ts';
import { useStage } from './stage.ts';

const stage = useStage();

test('first tier down, then back along the ramp, not as a spike', { timeout: 90_000 }, async () => {
  const first = await stage.host({ greeting: { reply: '421 4.3.2 Not now', end: 'close' } });
  const second = await stage.host({});
  const tier = await stage.tier({
    workers: 2,
    routes: `example.com 127.0.0.1:${first.port}/pri=0, 127.0.0.1:${second.port}/pri=10`,
    settings: {
      delivery: { initialConnections: 50 },
      hostHealth: { firstRestSeconds: 2, longestRestSeconds: 2, rampStartPerSecond: 10, rampLevels: 3 },
    },
  });
  await submitMany({ port: tier.smtpPort, count: 200, to: (index) => `u${index}@example.com` });
  await waitFor('the second tier to carry it all', () => second.delivered.length === 200, 20_000);
  expect(first.delivered).toHaveLength(0);

  first.behave({ greeting: undefined });
  // A steady load well above the ramp's first level, until the first tier takes everything again.
  let sent = 200;
  const perBatch = 60;
  await waitFor(
    'all traffic to be back on the first tier',
    async () => {
      const secondBefore = second.delivered.length;
      const firstBefore = first.delivered.length;
      await submitMany({ port: tier.smtpPort, count: perBatch, to: (index) => `v${index}@example.com` });
      sent += perBatch;
      await waitFor('the batch', () => first.delivered.length + second.delivered.length >= sent, 20_000);
      return first.delivered.length - firstBefore === perBatch && second.delivered.length === secondBefore;
    },
    60_000,
  );
  const start = first.delivered[0]?.atMs ?? 0;
  const within = (fromMs: number, toMs: number): number =>
    first.delivered.filter((one) => one.atMs - start >= fromMs && one.atMs - start < toMs).length;
  // One probe, then the ramp: 10 a second at first (a burst of a quarter second's tokens beside it), doubling after
  // as many successes. In the first half second nothing near the offered load can have come through.
  expect(within(0, 500)).toBeLessThanOrEqual(1 + 10 + 20);
  expect(first.delivered.length + second.delivered.length).toBe(sent);
});
