/** Acceptance 3: strict shares over several worker processes, with all hosts up and with one down from the start. */
import { freePort, waitFor, type SmtpHost } from '@mailwheel/testkit';
import { expect, test } from 'vitest';
import { submitMany } from './bulk.ts';
import { useStage } from './stage.ts';

const messages = 3000;
// Shares are exact while no host is at its connection limit (docs/algorithms.md); here the limit is out of the way.
const delivery = { initialConnections: 1000, connectionsPerHostMax: 1000 };

const stage = useStage();

test('three equal hosts and four workers: 1000 each, give or take one', { timeout: 90_000 }, async () => {
  const hosts = await Promise.all([stage.host({}), stage.host({}), stage.host({})]);
  const routes = `example.com ${hosts.map((host) => `127.0.0.1:${host.port}`).join(', ')}`;
  const tier = await stage.tier({ workers: 4, routes, settings: { delivery } });
  await submitMany({ port: tier.smtpPort, count: messages, to: (index) => `user${index}@example.com` });
  const delivered = (): number => hosts.reduce((sum, host) => sum + host.delivered.length, 0);
  await waitFor('all messages', () => delivered() >= messages, 60_000);
  expect(delivered()).toBe(messages);
  for (const host of hosts) expect(Math.abs(host.delivered.length - 1000)).toBeLessThanOrEqual(1);
});

test(
  'one of three refuses connections: 1500 each, and it is hardly touched',
  { timeout: 90_000 },
  async () => {
    const hosts = await Promise.all([stage.host({}), stage.host({})]);
    const dead = await freePort();
    const [first, second] = hosts as [SmtpHost, SmtpHost];
    const tier = await stage.tier({
      workers: 4,
      routes: `example.com 127.0.0.1:${dead}, 127.0.0.1:${first.port}, 127.0.0.1:${second.port}`,
      settings: { delivery, hostHealth: { firstRestSeconds: 60, longestRestSeconds: 60 } },
    });
    await submitMany({ port: tier.smtpPort, count: messages, to: (index) => `user${index}@example.com` });
    await waitFor('all messages', () => first.delivered.length + second.delivered.length >= messages, 60_000);
    expect(first.delivered.length + second.delivered.length).toBe(messages);
    for (const host of hosts) expect(Math.abs(host.delivered.length - 1500)).toBeLessThanOrEqual(1);
    // Touched at most by the streams that were running when it failed (20 a worker and destination), and not again.
    const touches = tier.events('attempt').filter((line) => line['host'] === `127.0.0.1:${dead}`).length;
    expect(touches).toBeGreaterThanOrEqual(1);
    expect(touches).toBeLessThanOrEqual(4 * 20);
  },
);
