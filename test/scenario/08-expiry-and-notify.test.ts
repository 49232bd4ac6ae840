/** Acceptance 8: expiry lists each host's last reply; NOTIFY, RET and ENVID are honoured; a bounce makes no bounce. */
import { waitFor, type SmtpHost } from '@mailwheel/testkit';
import { expect, test } from 'vitest';
import { useStage } from './stage.ts';
import { messageIdOf } from './tier.ts';

const stage = useStage();

async function hosts(count: number): Promise<SmtpHost[]> {
  return Promise.all(Array.from({ length: count }, async () => stage.host({})));
}

const text = (host: SmtpHost, index: number): string => host.delivered[index]?.body.toString() ?? '';

test(
  'older than its lifetime: one DSN that lists the last reply of each host',
  { timeout: 60_000 },
  async () => {
    const [first, second, home] = (await hosts(3)) as [SmtpHost, SmtpHost, SmtpHost];
    first.behave({ mail: '452 4.3.1 First is full' });
    second.behave({ final: '450 4.7.1 Second would rather not' });
    const tier = await stage.tier({
      routes: `example.com 127.0.0.1:${first.port}, 127.0.0.1:${second.port}\nsource.test 127.0.0.1:${home.port}`,
      settings: { retry: { firstWaitSeconds: 0.5, longestWaitSeconds: 1, maxAgeSeconds: 4, jitter: 0 } },
    });
    const id = messageIdOf(await tier.submit({ from: 'sender@source.test', to: 'late@example.com' }));
    await waitFor('the DSN', () => home.delivered.length === 1, 20_000);
    expect(text(home, 0)).toContain('First is full');
    expect(text(home, 0)).toContain('Second would rather not');
    expect(text(home, 0)).toMatch(/^Status: 4\.4\.7\r$/m);
    expect(text(home, 0)).toMatch(/^Action: failed\r$/m);
    const told = (await tier.message(id)) as { recipients: { state: string }[] };
    expect(told.recipients[0]?.state).toBe('expired');
    expect(home.delivered).toHaveLength(1);
  },
);

test('it expires also while its destination rests and nobody is asked', { timeout: 60_000 }, async () => {
  const [first, home] = (await hosts(2)) as [SmtpHost, SmtpHost];
  first.behave({ greeting: { reply: '421 4.3.2 Closed', end: 'close' } });
  const tier = await stage.tier({
    routes: `example.com 127.0.0.1:${first.port}\nsource.test 127.0.0.1:${home.port}`,
    settings: {
      retry: { firstWaitSeconds: 1, longestWaitSeconds: 1, maxAgeSeconds: 4, jitter: 0 },
      hostHealth: { firstRestSeconds: 600, longestRestSeconds: 600, aloneRestSeconds: 2 },
    },
  });
  await tier.submit({ from: 'one@source.test', to: 'a@example.com' });
  await waitFor('the host to rest', () => tier.events('host-state').length > 0);
  await tier.submit({ from: 'two@source.test', to: 'b@example.com' });
  await waitFor('both DSNs', () => home.delivered.length === 2, 20_000);
});

test('NOTIFY, RET and ENVID', { timeout: 60_000 }, async () => {
  const [host, plain, home] = (await hosts(3)) as [SmtpHost, SmtpHost, SmtpHost];
  host.behave({ rcpt: ({ address }) => (address.startsWith('gone') ? '550 5.1.1 No such user' : undefined) });
  await plain.stop();
  const withoutDsn = await stage.host({}, { extensions: ['PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES'] });
  const tier = await stage.tier({
    routes: `example.com 127.0.0.1:${host.port}\nnodsn.example 127.0.0.1:${withoutDsn.port}\nsource.test 127.0.0.1:${home.port}`,
  });
  const from = 'sender@source.test';
  const body = `Subject: the original subject\r\n\r\n${'unmistakable body line\r\n'.repeat(3)}`;

  // NEVER and SUCCESS alone: no report about a failure.
  await tier.submit({ from, to: 'gone1@example.com', rcptParameters: 'NOTIFY=NEVER', body });
  await tier.submit({ from, to: 'gone2@example.com', rcptParameters: 'NOTIFY=SUCCESS', body });
  // FAILURE, ORCPT, ENVID, RET=HDRS: reported, headers only.
  await tier.submit({
    from,
    to: 'gone3@example.com',
    mailParameters: 'RET=HDRS ENVID=QQ314159',
    rcptParameters: 'NOTIFY=FAILURE ORCPT=rfc822;first+2Baddress@example.org',
    body,
  });
  await waitFor('the third report', () => home.delivered.length === 1);
  expect(text(home, 0)).toMatch(/^Original-Envelope-Id: QQ314159\r$/m);
  expect(text(home, 0)).toMatch(/^Original-Recipient: rfc822; first\+address@example\.org\r$/m);
  expect(text(home, 0)).toContain('the original subject');
  expect(text(home, 0)).not.toContain('unmistakable body line');
  // RET=FULL: whole message, as it is small.
  await tier.submit({ from, to: 'gone4@example.com', mailParameters: 'RET=FULL', body });
  await waitFor('the fourth report', () => home.delivered.length === 2);
  expect(text(home, 1)).toContain('unmistakable body line');
  // SUCCESS to a host that offers DSN is passed on; to one that does not, a report `relayed` is ours.
  await tier.submit({
    from,
    to: 'fine@example.com',
    mailParameters: 'ENVID=abc',
    rcptParameters: 'NOTIFY=SUCCESS',
    body,
  });
  await waitFor('delivery', () => host.delivered.length === 1);
  expect(host.delivered[0]?.recipients[0]?.parameters.join(' ')).toContain('NOTIFY=SUCCESS');
  expect(host.delivered[0]?.mailParameters.join(' ')).toContain('ENVID=abc');
  await tier.submit({ from, to: 'fine@nodsn.example', rcptParameters: 'NOTIFY=SUCCESS', body });
  await waitFor('the relayed report', () => home.delivered.length === 3);
  expect(text(home, 2)).toMatch(/^Action: relayed\r$/m);
  expect(home.delivered).toHaveLength(3);
});

test('a bounce that cannot be delivered makes no bounce', { timeout: 60_000 }, async () => {
  const [host, home] = (await hosts(2)) as [SmtpHost, SmtpHost];
  host.behave({ rcpt: '550 5.1.1 No such user' });
  home.behave({ rcpt: '550 5.1.1 No such sender either' });
  const tier = await stage.tier({
    routes: `example.com 127.0.0.1:${host.port}\nsource.test 127.0.0.1:${home.port}`,
  });
  await tier.submit({ from: 'nobody@source.test', to: 'gone@example.com' });
  await waitFor('the bounce to be refused', () => tier.events('bounced').length === 2);
  expect(tier.events('generated-bounce')).toHaveLength(1);
  expect(home.counters.phases.rcpt).toBe(1);
});
