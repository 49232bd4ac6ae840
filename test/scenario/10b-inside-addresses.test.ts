/**
 * Acceptance 10, addresses that nobody outside may name: a stranger's MX record must not make us connect to our own network
 * (docs/routes.md), and clients' address literals are taken only when public or routed. Port 25, as in 10-mx.
 */
import {
  rawSmtp,
  startDnsServer,
  startSmtpHost,
  type SmtpHost,
  type TestDnsServer,
} from '@mailwheel/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { becomes, dsnAbout } from './message-status.ts';
import { messageIdOf, startTier, type Tier } from './tier.ts';

let dns: TestDnsServer;
let tier: Tier;
let inside: SmtpHost;
let routed: SmtpHost;
let home: SmtpHost;

beforeAll(async () => {
  const listenOn = async (address: string): Promise<SmtpHost> => startSmtpHost({}, { address, port: 25 });
  inside = await listenOn('127.0.41.1');
  routed = await listenOn('127.0.41.2');
  home = await listenOn('127.0.41.3');
  dns = await startDnsServer();
  tier = await startTier({
    routes:
      '[127.0.41.90] 127.0.41.2\n[127.0.41.91] USEDNS\nsource.test 127.0.41.3\nrouted.test inside.test:25',
    settings: {
      dns: { servers: [dns.address], allowPrivate: false, cacheSecondsMax: 0 },
      delivery: { connectSeconds: 0.3 },
      retry: { firstWaitSeconds: 600, longestWaitSeconds: 600 },
    },
  });
}, 40_000);

afterAll(async () => {
  await tier?.stop();
  await Promise.all([inside, routed, home].map((host) => host?.stop()));
  await dns?.stop();
});

async function send(to: string): Promise<string> {
  return messageIdOf(await tier.submit({ from: 'sender@source.test', to }));
}

test.each([
  ['loopback', '127.0.41.1'],
  ['private', '10.1.2.3'],
  ['private', '172.16.0.1'],
  ['private', '192.168.1.1'],
  ['link-local', '169.254.169.254'],
  ['multicast', '224.0.0.1'],
  ['unspecified', '0.0.0.0'],
  ['loopback', '::1'],
  ['loopback', '::ffff:127.0.41.1'],
  ['private', 'fd00::1'],
  ['link-local', 'fe80::1'],
])('an MX host with the %s address %s only: bounced 5.4.4, nobody asked', async (_scope, address) => {
  const domain = `inside-${address.replaceAll(/[.:]/g, '-')}x.test`;
  const records = address.includes(':') ? { AAAA: [address] } : { A: [address] };
  Object.assign(dns.zone, { [domain]: { MX: [[10, `mx.${domain}`]] }, [`mx.${domain}`]: records });
  const told = await becomes(tier, await send(`u@${domain}`), 'bounced');
  expect(told.recipients[0]?.reply).toMatch(/^550 5\.4\.4 .*no public address/);
  expect((await dsnAbout(`u@${domain}`, home)).status).toBe('5.4.4');
  expect(inside.connections).toHaveLength(0);
});

test('beside an address that is not inside, only that one is asked', async () => {
  Object.assign(dns.zone, {
    'partly.test': { MX: [[10, 'mx.partly.test']] },
    'mx.partly.test': { A: ['127.0.41.1', '192.0.2.77'] },
  });
  const told = await becomes(tier, await send('u@partly.test'), 'deferred');
  expect(new Set(told.attempts.map((one) => one.host))).toEqual(new Set(['192.0.2.77:25']));
  expect(inside.connections).toHaveLength(0);
});

test('a name in a route may lead inside', async () => {
  Object.assign(dns.zone, {
    'inside.test': { MX: [[10, 'mx.inside.test']] },
    'mx.inside.test': { A: ['127.0.41.2'] },
  });
  await becomes(tier, await send('u@routed.test'), 'delivered');
  expect(routed.delivered.map((one) => one.recipients[0]?.address)).toContain('u@routed.test');
});

test('literals at RCPT: public or with a route to hosts, else 553', async () => {
  const client = await rawSmtp(tier.smtpPort);
  await client.expect(220);
  await client.command('EHLO client.test', 250);
  await client.command('MAIL FROM:<sender@source.test>', 250);
  await client.command('RCPT TO:<u@[8.8.4.4]>', 250); // never sent: the session ends here
  await client.command('RCPT TO:<u@[IPv6:2001:4860:4860::8844]>', 250);
  await client.command('RCPT TO:<u@[127.0.41.90]>', 250);
  for (const literal of [
    '127.0.41.1',
    '10.0.0.1',
    '169.254.169.254',
    'IPv6:::1',
    'IPv6:fd00::1',
    '0.0.0.0',
    '127.0.41.91',
  ]) {
    await client.command(`RCPT TO:<u@[${literal}]>`, /^553 5\.1\.2 /);
  }
  await client.command('QUIT', 221);
  await becomes(tier, await send('u@[127.0.41.90]'), 'delivered');
  expect(routed.delivered.map((one) => one.recipients[0]?.address)).toContain('u@[127.0.41.90]');
});
