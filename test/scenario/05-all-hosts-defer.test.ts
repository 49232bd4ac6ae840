/** Acceptance 5: every host of every tier defers. Jobs wait, hosts are probed seldom, and recovery brings all at once. */
import { waitFor, type SmtpHost } from '@mailwheel/testkit';
import { expect, test } from 'vitest';
import { submitMany } from './bulk.ts';
import { useStage } from './stage.ts';

const stage = useStage();

test(
  'all defer, then recover: delivered once, soon, though the schedule says an hour',
  { timeout: 90_000 },
  async () => {
    const aloneRestSeconds = 3;
    const full = { mail: '452 4.3.1 Insufficient system resources' };
    const hosts = await Promise.all([stage.host(full), stage.host(full), stage.host(full)]);
    const [first, second, backup] = hosts as [SmtpHost, SmtpHost, SmtpHost];
    const tier = await stage.tier({
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
    const count = 150;
    await submitMany({ port: tier.smtpPort, count, to: (index) => `u${index}@example.com` });
    await waitFor('each host to have been asked', () => hosts.every((host) => host.counters.phases.mail > 0));
    // Let what is in flight end, then count what touches each host over three alone-rests: at most one probe a rest.
    await waitFor('quiet', async () => {
      const before = hosts.map((host) => host.counters.phases.mail);
      await new Promise((resolve) => setTimeout(resolve, 500));
      return hosts.every((host, index) => host.counters.phases.mail === before[index]);
    });
    const before = hosts.map((host) => host.counters.phases.mail);
    await new Promise((resolve) => setTimeout(resolve, 3 * aloneRestSeconds * 1000));
    hosts.forEach((host, index) => {
      const probes = host.counters.phases.mail - (before[index] ?? 0);
      expect(probes).toBeLessThanOrEqual(4);
    });
    expect(hosts.some((host, index) => host.counters.phases.mail > (before[index] ?? 0))).toBe(true);

    for (const host of hosts) host.behave({ mail: undefined });
    const recoveredAtMs = performance.now();
    const delivered = (): number => hosts.reduce((sum, host) => sum + host.delivered.length, 0);
    await waitFor('everything to be delivered', () => delivered() >= count, (aloneRestSeconds + 5) * 1000);
    expect(performance.now() - recoveredAtMs).toBeLessThanOrEqual((aloneRestSeconds + 5) * 1000);
    const recipients = hosts.flatMap((host) => host.delivered.map((one) => one.recipients[0]?.address));
    expect(new Set(recipients).size).toBe(count);
    expect(recipients).toHaveLength(count);
  },
);
