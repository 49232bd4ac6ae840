/** Acceptance 5: every host of every tier defers. Jobs wait, hosts are probed seldom, and recovery brings all at once. */
import { startSmtpHost, waitFor, type SmtpHost } from '@mailwheel/testkit';
import { afterEach, expect, test } from 'vitest';
import { submitMany } from './bulk.ts';
import { startTier, type Tier } from './tier.ts';

const open: { tier?: Tier; hosts: SmtpHost[] } = { hosts: [] };

afterEach(async () => {
  await open.tier?.stop();
  await Promise.all(open.hosts.map((host) => host.stop()));
  delete open.tier;
  open.hosts = [];
});

test(
  'all defer, then recover: delivered once, soon, though the schedule says an hour',
  { timeout: 90_000 },
  async () => {
    const aloneRestSeconds = 3;
    const full = { mail: '452 4.3.1 Insufficient system resources' };
    open.hosts = await Promise.all([startSmtpHost(full), startSmtpHost(full), startSmtpHost(full)]);
    const [first, second, backup] = open.hosts as [SmtpHost, SmtpHost, SmtpHost];
    const tier = await startTier({
      workers: 2,
      routes: `example.com 127.0.0.1:${first.port}, 127.0.0.1:${second.port}, 127.0.0.1:${backup.port}/pri=10`,
      settings: {
        retry: { firstWaitSeconds: 3600, longestWaitSeconds: 3600 },
        hostHealth: {
          firstRestSeconds: 600,
          longestRestSeconds: 600,
          aloneRestSeconds,
          rampStartPerSecond: 100,
        },
      },
    });
    open.tier = tier;
    const count = 150;
    await submitMany({ port: tier.smtpPort, count, to: (index) => `u${index}@example.com` });
    await waitFor('each host to have been asked', () =>
      open.hosts.every((host) => host.counters.phases.mail > 0),
    );
    // Let what is in flight end, then count what touches each host over three alone-rests: at most one probe a rest.
    await waitFor('quiet', async () => {
      const before = open.hosts.map((host) => host.counters.phases.mail);
      await new Promise((resolve) => setTimeout(resolve, 500));
      return open.hosts.every((host, index) => host.counters.phases.mail === before[index]);
    });
    const before = open.hosts.map((host) => host.counters.phases.mail);
    await new Promise((resolve) => setTimeout(resolve, 3 * aloneRestSeconds * 1000));
    open.hosts.forEach((host, index) => {
      const probes = host.counters.phases.mail - (before[index] ?? 0);
      expect(probes).toBeLessThanOrEqual(4);
    });
    expect(open.hosts.some((host, index) => host.counters.phases.mail > (before[index] ?? 0))).toBe(true);

    for (const host of open.hosts) host.behave({ mail: undefined });
    const recoveredAtMs = performance.now();
    const delivered = (): number => open.hosts.reduce((sum, host) => sum + host.delivered.length, 0);
    await waitFor('everything to be delivered', () => delivered() >= count, (aloneRestSeconds + 5) * 1000);
    expect(performance.now() - recoveredAtMs).toBeLessThanOrEqual((aloneRestSeconds + 5) * 1000);
    const recipients = open.hosts.flatMap((host) => host.delivered.map((one) => one.recipients[0]?.address));
    expect(new Set(recipients).size).toBe(count);
    expect(recipients).toHaveLength(count);
  },
);
