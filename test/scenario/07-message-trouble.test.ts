/**
 * Acceptance 7: trouble of mailboxes and of one message does not set hosts aside; the same from a second, different
 * message does.
 */
import { waitFor, type SmtpHost } from '@mailwheel/testkit';
import { expect, test } from 'vitest';
import { submitMany } from './bulk.ts';
import { useStage } from './stage.ts';
import { messageIdOf, type Tier } from './tier.ts';

const stage = useStage();

const hostStateLines = (tier: Tier): unknown[] =>
  tier.events('host-state').filter((line) => line['to'] === 'unhealthy');

test('a hundred mailbox-level 4xx leave the host healthy', { timeout: 60_000 }, async () => {
  const host = await stage.host({
    rcpt: (context) => (context.address.startsWith('full') ? '452 4.2.2 Mailbox full' : undefined),
  });
  const tier = await stage.tier({
    routes: `example.com 127.0.0.1:${host.port}`,
    settings: { retry: { firstWaitSeconds: 600, longestWaitSeconds: 600 } },
  });
  await submitMany({ port: tier.smtpPort, count: 100, to: (index) => `full${index}@example.com` });
  await waitFor('all to be refused', () => host.counters.phases.rcpt >= 100, 20_000);
  await submitMany({ port: tier.smtpPort, count: 20, to: (index) => `fine${index}@example.com` });
  await waitFor('the others to pass', () => host.delivered.length === 20);
  expect(hostStateLines(tier)).toEqual([]);
});

test(
  'a poison message, retried ten times, leaves both hosts healthy; a second message sets one aside',
  { timeout: 90_000 },
  async () => {
    const poison = (context: { body: Buffer }): string | undefined =>
      context.body.includes('poison') ? '451 Local error in processing' : undefined;
    const hosts = await Promise.all([stage.host({ final: poison }), stage.host({ final: poison })]);
    const [first, second] = hosts as [SmtpHost, SmtpHost];
    const tier = await stage.tier({
      routes: `example.com 127.0.0.1:${first.port}, 127.0.0.1:${second.port}`,
      settings: { retry: { firstWaitSeconds: 0.2, longestWaitSeconds: 0.2, maxAgeSeconds: 600 } },
    });
    const body = 'Subject: one\r\n\r\npoison\r\n';
    const id = messageIdOf(await tier.submit({ from: 'a@source.test', to: 'p@example.com', body }));
    await waitFor(
      'ten attempts',
      () => first.counters.phases.final >= 10 && second.counters.phases.final >= 10,
      30_000,
    );
    expect(id).not.toBe('');
    expect(hostStateLines(tier)).toEqual([]);

    await tier.submit({
      from: 'a@source.test',
      to: 'q@example.com',
      body: 'Subject: two\r\n\r\npoison too\r\n',
    });
    await waitFor('a host to be set aside', () => hostStateLines(tier).length > 0);
  },
);
