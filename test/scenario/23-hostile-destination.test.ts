/**
 * Destination hosts that mean harm to a worker by what they say: too much, without end, out of step, or nothing that is a
 * reply. The worker lives, its memory stays bounded, the host is set aside, and the mail goes to the next host.
 */
import { readFileSync } from 'node:fs';
import { startSmtpHost, waitFor, type HostScript, type SmtpHost } from '@mailwheel/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { submitMany } from './bulk.ts';
import { becomes } from './message-status.ts';
import { messageIdOf, startTier, type RoleProcess, type Tier } from './tier.ts';

const megabyte = 1_048_576;
const endless = (text: string, times: number): string => text.repeat(times);

/** Each case is a domain of its own with a hostile host first and a good one behind it. */
const cases: readonly (readonly [name: string, script: HostScript])[] = [
  ['a greeting of ten thousand lines', { greeting: { raw: endless('220-hello\r\n', 10_000) } }],
  ['a greeting of a megabyte in one line', { greeting: { raw: `220 ${'x'.repeat(megabyte)}\r\n` } }],
  ['a line without end', { greeting: { raw: 'x'.repeat(20 * megabyte) } }],
  ['blank lines without end', { greeting: { raw: endless('\r\n', 2 * megabyte) } }],
  ['NULs', { greeting: { raw: Buffer.alloc(megabyte) } }],
  ['another protocol', { greeting: { raw: 'SSH-2.0-OpenSSH_9.6\r\n', end: 'close' } }],
  ['two greetings and an answer to nothing', { greeting: { raw: '220 a\r\n220 b\r\n354 c\r\n250 d\r\n' } }],
  ['a hundred thousand extensions', { ehlo: { raw: `${endless('250-SIZE\r\n', 100_000)}250 x\r\n` } }],
  ['EHLO lines without end', { ehlo: { raw: `250-${'A'.repeat(10 * megabyte)}` } }],
  ['replies of ten megabytes to MAIL', { mail: { raw: endless(`250-${'m'.repeat(1000)}\r\n`, 10_000) } }],
  ['a reply to RCPT that never ends', { rcpt: { raw: `250-${'r'.repeat(5 * megabyte)}` } }],
  ['replies in advance', { mail: { raw: '250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n250 ok\r\n' } }],
  ['codes that do not agree', { mail: '250-yes\n451-no\n550 perhaps' }],
  ['codes that are none', { mail: '999 what\n000 what' }],
  ['no code', { data: 'Sure, go on!' }],
  ['bytes that are no text', { mail: { raw: Buffer.from('35302ffffe800d0a1b5b33316dff0d0a', 'hex') } }],
  ['an answer before the end of the data', { data: { raw: '354 go\r\n250 thanks\r\n250 thanks\r\n' } }],
];

let good: SmtpHost;
let tier: Tier;
let worker: RoleProcess;
const hostile: SmtpHost[] = [];

beforeAll(async () => {
  good = await startSmtpHost();
  for (const [, script] of cases) hostile.push(await startSmtpHost(script));
  const routes = hostile.map(
    (host, at) => `case${at}.example 127.0.0.1:${host.port}/pri=0, 127.0.0.1:${good.port}/pri=10`,
  );
  tier = await startTier({
    routes: `${routes.join('\n')}\nALL 127.0.0.1:${good.port}\n`,
    settings: {
      delivery: {
        commandSeconds: 2,
        greetingSeconds: 2,
        dataSeconds: 2,
        bodyBlockSeconds: 2,
        finalReplySeconds: 2,
      },
      hostHealth: { firstRestSeconds: 60, longestRestSeconds: 60 },
    },
  });
  [worker] = tier.workers() as [RoleProcess];
}, 60_000);
afterAll(async () => {
  await tier?.stop();
  await Promise.all([good, ...hostile].map(async (host) => host?.stop()));
});

test.each(cases.map(([name], at) => [name, at] as const))('%s', { timeout: 30_000 }, async (_name, at) => {
  const before = residentBytes();
  // More than one: a soft failure of a single message does not set a host aside.
  const ids: string[] = [];
  for (let count = 0; count < 3; count += 1) {
    const replies = await tier.submit({ from: 'a@source.example', to: `u${count}@case${at}.example` });
    ids.push(messageIdOf(replies));
  }
  for (const id of ids) {
    const status = await becomes(tier, id, 'delivered');
    expect(status.recipients[0]?.host).toContain(String(good.port));
  }
  const { port } = hostile[at] as SmtpHost;
  await waitFor('the host to be set aside', () =>
    tier
      .events('host-state')
      .some((event) => String(event['host']).includes(`:${port}`) && event['to'] === 'unhealthy'),
  );
  expect(worker.child.exitCode).toBeNull();
  expect(residentBytes() - before).toBeLessThan(80e6);
  // What it said is in ledger and log as text: no control characters, and not a megabyte of it.
  for (const id of ids) {
    const { attempts } = (await tier.message(id)) as { attempts: { reply: string }[] };
    for (const { reply } of attempts) {
      expect(reply.length).toBeLessThan(1200);
      expect(reply).not.toMatch(/\p{Cc}/u);
    }
  }
});

test('refusals that carry a header break neither the DSN nor the ledger', async () => {
  const evil =
    '550-5.1.1 x\r\n\r\nBcc: forged@dest.example\n550-5.1.1 \x1b[31m\0\u2028--=_boundary\r550 5.1.1\n550 5.1.1 end';
  good.behave({ rcpt: ({ address }) => (address.startsWith('refused') ? evil : undefined) });
  const id = messageIdOf(await tier.submit({ from: 'sender@home.example', to: 'refused@dest.example' }));
  await becomes(tier, id, 'bounced');
  const report = await waitFor('the report', () =>
    good.delivered.find(({ recipients }) => recipients[0]?.address === 'sender@home.example'),
  );
  const text = report.body.toString('latin1');
  const [header] = text.slice(text.indexOf('From:')).split('\r\n\r\n');
  expect(header).not.toMatch(/forged/);
  // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
  expect(text.replaceAll('\r\n', '')).not.toMatch(/[\x00-\x08\x0a-\x1f]/);
  expect(text).not.toMatch(/^Bcc:/m);
});

test('all of them at once, under load: other mail goes on', { timeout: 60_000 }, async () => {
  const before = good.delivered.length;
  const count = 400;
  await submitMany({
    port: tier.smtpPort,
    count,
    to: (index) =>
      index % 2 === 0 ? `m${index}@case${index % cases.length}.example` : `m${index}@other.example`,
  });
  await waitFor('all of it', () => good.delivered.length >= before + count, 40_000);
  expect(worker.child.exitCode).toBeNull();
});

function residentBytes(): number {
  const status = readFileSync(`/proc/${worker.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}
