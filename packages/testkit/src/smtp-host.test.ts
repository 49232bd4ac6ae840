import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { createCertificates } from './certificates.ts';
import { createFakeClock } from './clock.ts';
import { rawSmtp } from './raw-smtp.ts';
import { startSmtpHost, type SmtpHost } from './smtp-host.ts';
import type { HostOptions, HostScript } from './smtp-host-types.ts';
import { dotStuffed, smtpSubmit } from './smtp-submit.ts';
import { waitFor } from './wait.ts';

const started: SmtpHost[] = [];
async function host(script: HostScript = {}, options: HostOptions = {}): Promise<SmtpHost> {
  const one = await startSmtpHost(script, options);
  started.push(one);
  return one;
}
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

const PLAIN = { from: 'a@src.example', to: 'b@dest.example' };

describe('a message', () => {
  test('is remembered byte for byte, with its envelope and parameters', async () => {
    const one = await host();
    const body = '..two dots\r\n.\r\n...\r\nno dot\r\n\r\n.end\r\n';
    const replies = await smtpSubmit({
      ...PLAIN,
      port: one.port,
      to: ['b@dest.example', 'c@dest.example'],
      body,
      mailParameters: 'SIZE=10 RET=HDRS',
      rcptParameters: 'NOTIFY=NEVER',
    });
    expect(replies.final?.line).toBe('250 2.0.0 Ok: queued as 1.1');
    const [transaction] = one.delivered;
    expect(transaction).toMatchObject({
      reversePath: 'a@src.example',
      mailParameters: ['SIZE=10', 'RET=HDRS'],
      connection: 1,
      tls: false,
      reply: '250 2.0.0 Ok: queued as 1.1',
    });
    expect(transaction!.body.toString()).toBe(body);
    expect(transaction!.recipients).toEqual([
      { address: 'b@dest.example', parameters: ['NOTIFY=NEVER'], accepted: true },
      { address: 'c@dest.example', parameters: ['NOTIFY=NEVER'], accepted: true },
    ]);
    expect(transaction!.digest).toMatch(/^[0-9a-f]{64}$/);
  });

  test('is found whatever chunks its bytes come in', async () => {
    const one = await host();
    const body = '.\r\n..\r\n\r\n.a\r\n\r.\r\n';
    const wire = dotStuffed(body);
    for (let size = 1; size <= 6; size += 1) {
      const client = await rawSmtp(one.port);
      await client.expect(220);
      client.send('HELO x', 'MAIL FROM:<>', 'RCPT TO:<b@dest.example>', 'DATA');
      for (let reply = 0; reply < 4; reply += 1) await client.expect();
      for (let at = 0; at < wire.length; at += size) {
        client.write(wire.subarray(at, at + size));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await client.expect(250);
      client.close();
    }
    expect(one.delivered.map((transaction) => transaction.body.toString())).toEqual(Array(6).fill(body));
  });

  test('may be empty, and may follow another in the same write', async () => {
    const one = await host();
    const client = await rawSmtp(one.port);
    await client.expect(220);
    const message = 'MAIL FROM:<>\r\nRCPT TO:<b@dest.example>\r\nDATA\r\n';
    client.write(`EHLO x\r\n${message}.\r\n${message}x\r\n.\r\nQUIT\r\n`);
    const codes = [];
    for (let reply = 0; reply < 10; reply += 1) codes.push((await client.expect()).code);
    expect(codes).toEqual([250, 250, 250, 354, 250, 250, 250, 354, 250, 221]);
    expect(one.delivered.map((transaction) => transaction.body.toString())).toEqual(['', 'x\r\n']);
    expect(one.connections[0]!.pipelined).toBeGreaterThan(3);
  });
});

describe('a script', () => {
  test('answers by phase, count and address, and can change while the host runs', async () => {
    const one = await host({
      greeting: ({ count }) => (count === 1 ? '431 Mail system full' : undefined),
      rcpt: ({ address }) => (address.startsWith('no') ? '550-5.1.1 no\n550 5.1.1 such user' : undefined),
    });
    const client = await rawSmtp(one.port);
    expect((await client.expect()).line).toBe('431 Mail system full');
    client.close();
    const replies = await smtpSubmit({ ...PLAIN, port: one.port, to: ['no@dest.example', 'b@dest.example'] });
    expect(replies.rcpt[0]).toMatchObject({ code: 550, lines: ['5.1.1 no', '5.1.1 such user'] });
    expect(replies.final?.code).toBe(250);
    one.behave({ final: '452 4.3.1 full', rcpt: undefined });
    const later = await smtpSubmit({ ...PLAIN, port: one.port, to: 'no@dest.example' });
    expect(later.final?.line).toBe('452 4.3.1 full');
    expect(one.transactions.map((transaction) => transaction.accepted)).toEqual([true, false]);
    one.behaveWell();
    expect((await smtpSubmit({ ...PLAIN, port: one.port })).final?.code).toBe(250);
    expect(one.counters).toMatchObject({ connections: 4, accepted: 2 });
  });

  test('waits, drips, closes, resets, stays silent, says garbage', async () => {
    const one = await host({
      connect: ({ count }) => (count === 2 ? { delayMs: 10, end: 'reset' } : undefined),
      ehlo: { reply: '250-x\n250 PIPELINING', dripMs: 1 },
      mail: { delayMs: 30, reply: '250 late' },
      rcpt: async ({ count }) => (count === 1 ? '250 promised' : { raw: 'garbage\r\n' }),
      data: { reply: '421 4.3.2 bye', end: 'close' },
      noop: { silent: true },
    });
    const client = await rawSmtp(one.port);
    await client.expect(220);
    await client.command('EHLO x', /^250 PIPELINING$/);
    const before = performance.now();
    client.send('MAIL FROM:<a@src.example>', 'RCPT TO:<b@dest.example>', 'RCPT TO:<c@dest.example>', 'DATA');
    await client.expect(/late/);
    expect(performance.now() - before).toBeGreaterThan(25);
    await client.expect(/promised/);
    expect((await client.expect()).line).toBe('garbage');
    await client.expect(421);
    await client.closed();
    const second = await rawSmtp(one.port, { timeoutMs: 2000 });
    await second.closed();
    const third = await rawSmtp(one.port, { timeoutMs: 50 });
    await third.expect(220);
    await expect(third.command('NOOP')).rejects.toThrow('in vain');
    third.close();
  });

  test('can end the connection in the middle of a body', async () => {
    const one = await host({ body: ({ bodyBytes }) => (bodyBytes > 5 ? { end: 'reset' } : undefined) });
    const client = await rawSmtp(one.port);
    await client.expect(220);
    client.send('HELO x', 'MAIL FROM:<>', 'RCPT TO:<b@dest.example>', 'DATA');
    for (let reply = 0; reply < 4; reply += 1) await client.expect();
    client.write('abc');
    await waitFor('the first part', () => one.counters.phases.body === 1);
    client.write('defg');
    await client.closed();
    expect(one.transactions).toHaveLength(0);
  });

  test('limits connections, drops idle ones, stops and restarts on its port', async () => {
    const one = await host({}, { connectionsMax: 1, address: '127.0.3.1' });
    const first = await rawSmtp(one.port, { host: '127.0.3.1' });
    await first.expect(220);
    const second = await rawSmtp(one.port, { host: '127.0.3.1' });
    await second.expect(421);
    await second.closed();
    one.live[0]!.say('421 4.4.2 idle');
    one.live[0]!.close();
    await first.expect(421);
    await first.closed();
    const { port } = one;
    await one.stop();
    await expect(rawSmtp(port, { host: '127.0.3.1' })).rejects.toThrow('ECONNREFUSED');
    await one.restart();
    const third = await rawSmtp(port, { host: '127.0.3.1' });
    await third.expect(220);
    third.close();
  });
});

describe('TLS and AUTH', () => {
  test('STARTTLS, implicit TLS, users, and a reset through TLS', async () => {
    const certificates = await createCertificates();
    try {
      const one = await host({}, { tls: certificates.host, users: { relay: 'secret' }, requireAuth: true });
      const refused = await smtpSubmit({ ...PLAIN, port: one.port, startTls: true });
      expect(refused.mail.line).toBe('530 5.7.0 Authentication required');
      const auth = { user: 'relay', password: 'secret' };
      const replies = await smtpSubmit({ ...PLAIN, port: one.port, startTls: true, auth });
      expect(replies.ehlo.lines).not.toContain('STARTTLS');
      expect(one.delivered).toMatchObject([{ tls: true, user: 'relay' }]);

      const implicit = await host({ noop: { end: 'reset' } }, { tls: certificates.host, implicitTls: true });
      const socket = connectTls({
        port: implicit.port,
        host: '127.0.0.1',
        servername: 'scripted.example',
        ca: certificates.ca,
      });
      await once(socket, 'secureConnect');
      expect(socket.authorized).toBe(true);
      await once(socket, 'data');
      socket.write('NOOP\r\n');
      const [error] = (await once(socket, 'error').catch((reason: unknown) => [reason])) as [Error];
      expect(error).toMatchObject({ code: 'ECONNRESET' });
      expect(implicit.connections[0]).toMatchObject({ tls: true, serverName: 'scripted.example' });
    } finally {
      await certificates.remove();
    }
  });
});

test('the fake clock runs what becomes due, in order, at its own time', async () => {
  const clock = createFakeClock(1000);
  const seen: [string, number][] = [];
  clock.after(20, () => seen.push(['b', clock.now()]));
  clock.after(10, () => {
    seen.push(['a', clock.now()]);
    clock.after(5, () => seen.push(['nested', clock.now()]));
  });
  const cancel = clock.after(12, () => seen.push(['never', clock.now()]));
  cancel();
  clock.advance(30);
  expect(seen).toEqual([
    ['a', 1010],
    ['nested', 1015],
    ['b', 1020],
  ]);
  expect(clock.now()).toBe(1030);
});
