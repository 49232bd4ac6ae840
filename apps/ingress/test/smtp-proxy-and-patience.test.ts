/** Clients behind a proxy, and clients who take their time. */
import { rawSmtp, startRedis, waitFor, type RawSmtp, type TestRedis } from '@mailwheel/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { converse, queuedId, startIngress, type TestIngress, type TestIngressOptions } from './fixture.ts';
import { connectTls } from './login-fixture.ts';

let redis: TestRedis;
let ingress: TestIngress | undefined;

beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  await ingress?.stop();
  ingress = undefined;
});
afterAll(async () => {
  await redis.stop();
});

async function start(options: TestIngressOptions): Promise<TestIngress> {
  ingress = await startIngress({ redis, ...options });
  return ingress;
}

describe('PROXY', () => {
  const behind = (trusted: readonly string[], more: object = {}): TestIngressOptions => ({
    smtp: { proxyFrom: ['127.0.0.1'], trustedNetworks: trusted, ...more },
  });

  async function via(header: string | Buffer, more = ''): Promise<RawSmtp> {
    const client = await rawSmtp(ingress?.smtpPort ?? 0);
    client.write(Buffer.concat([Buffer.from(header as string), Buffer.from(more)]));
    return client;
  }

  async function rcpt(client: RawSmtp): Promise<string> {
    await client.expect(220);
    await client.command('EHLO client.example', 250);
    await client.command('MAIL FROM:<a@sender.example>', 250);
    return (await client.command('RCPT TO:<b@dest.example>')).line;
  }

  const v1 = (address: string): string => `PROXY TCP4 ${address} 10.0.0.1 4000 25\r\n`;

  test('the address of the header is trusted, limited, logged and written into the message; the proxy is not', async () => {
    const { message, events } = await start(
      behind(['192.0.2.0/24', '2001:db8::/32'], { connectionsPerAddressMax: 1 }),
    );
    const client = await via(v1('192.0.2.10'));
    expect(await rcpt(client)).toMatch(/^250/);
    const crowd = await via(v1('192.0.2.10'));
    await crowd.expect(/^421 4\.7\.0/);
    expect(await rcpt(await via(v1('192.0.2.11')))).toMatch(/^250/);
    const binary = Buffer.from(
      `0d0a0d0a000d0a515549540a2121002420010db8${'0'.repeat(22)}0120010db8${'0'.repeat(22)}020fa00019`,
      'hex',
    );
    expect(await rcpt(await via(binary))).toMatch(/^250/);
    const [id] = [(await converse(client, 'C: DATA\nS: 354\nC: .\nS: 250 2.0.0')).at(-1)];
    expect((await message(queuedId(id))).body.toString()).toContain('([192.0.2.10])');
    expect(events.flatMap((event) => (event.kind === 'connected' ? [event.clientAddress] : []))).toEqual([
      '192.0.2.10',
      '192.0.2.11',
      '2001:db8::1',
    ]);
  });

  test('a stranger behind a trusted proxy is a stranger, and so is nobody (UNKNOWN, LOCAL)', async () => {
    await start(behind(['127.0.0.0/8']));
    const local = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');
    for (const header of [v1('198.51.100.1'), 'PROXY UNKNOWN\r\n', local]) {
      expect(await rcpt(await via(header))).toMatch(/^550 5\.7\.1/);
    }
  });

  test('a proxy that sends none, or a bad one, is not served', async () => {
    const { events, stored } = await start(behind(['127.0.0.0/8']));
    const before = (await stored()).length;
    for (const header of ['EHLO client.example\r\n', 'PROXY TCP4 192.0.2.10\r\n', 'PROXY TCP4 a b 1 2\r\n']) {
      const client = await via(header, 'EHLO x\r\n');
      await client.closed();
    }
    expect(events).toEqual([]);
    expect(await stored()).toHaveLength(before);
  });

  test('from others it is refused, and they stay who they are', async () => {
    const { events } = await start({ smtp: { proxyFrom: ['10.0.0.1'], trustedNetworks: ['127.0.0.1'] } });
    const client = await rawSmtp(ingress?.smtpPort ?? 0);
    await client.expect(220);
    client.send('PROXY TCP4 192.0.2.10 10.0.0.1 4000 25', 'MAIL FROM:<a@sender.example>');
    await client.expect(/^421 4\.7\.0/);
    await client.closed();
    const connected = expect.objectContaining({ kind: 'connected', clientAddress: '127.0.0.1' });
    await waitFor('the line of the connection', () => events.some((event) => event.kind === 'connected'));
    expect(events).toContainEqual(connected);
    const early = await via(v1('127.0.0.1'));
    await early.closed();
  });
});

describe('a client that trickles', () => {
  /** Sends an octet now and then, until the server ends it; gives how long that took and what was said. */
  async function trickle(
    client: RawSmtp,
    octet: string,
  ): Promise<{ readonly ms: number; readonly line: string }> {
    const startedMs = performance.now();
    const timer = setInterval(() => client.write(octet), 50);
    try {
      const { line } = await client.expect();
      return { ms: performance.now() - startedMs, line };
    } finally {
      clearInterval(timer);
    }
  }

  test('a command is ended', async () => {
    const { greeted } = await start({ idleSeconds: 1 });
    const { ms, line } = await trickle(await greeted(), 'x');
    expect(line).toMatch(/^421 4\.4\.2 no whole command/);
    expect(ms).toBeGreaterThan(950);
    expect(ms).toBeLessThan(4000);
  });

  test('data is ended, while one that is fast enough goes on beyond the idle time', async () => {
    const { greeted, events } = await start({ idleSeconds: 1, smtp: { dataBytesPerSecondMin: 1000 } });
    const [slow, fast] = [await greeted(), await greeted()];
    for (const client of [slow, fast]) {
      await converse(
        client,
        'C: MAIL FROM:<a@x.example>\nC: RCPT TO:<b@x.example>\nC: DATA\nS: 250\nS: 250\nS: 354',
      );
    }
    const timer = setInterval(() => fast.write(`${'x'.repeat(200)}\r\n`), 50);
    const { ms, line } = await trickle(slow, 'x');
    expect(line).toMatch(/^421 4\.4\.2 the message came too slowly/);
    expect(ms).toBeLessThan(4000);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    clearInterval(timer);
    fast.write('\r\n.\r\n');
    await fast.expect(/^250 2\.0\.0/);
    expect(events).toContainEqual(expect.objectContaining({ kind: 'refused', phase: 'message' }));
    await waitFor('its memory', () => ingress?.doors.bodiesInFlightBytes() === 0);
  });

  test('a stranger who does not log in is shown out, however busy', async () => {
    const { connect } = await start({ smtp: { trustedNetworks: [], loginSeconds: 1 } });
    const client = await connect();
    const startedMs = performance.now();
    for (;;) {
      const { line, code } = await client.command('NOOP');
      if (code !== 250) {
        expect(line).toMatch(/^421 4\.7\.0 you may not relay/);
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(performance.now() - startedMs).toBeLessThan(4000);
  });

  test('a transaction is ended, however busy its client', async () => {
    const { greeted } = await start({ smtp: { transactionSeconds: 1 } });
    const client = await greeted();
    for (;;) {
      const { line, code } = await client.command('NOOP');
      if (code !== 250) {
        expect(line).toMatch(/^421 4\.4\.2 the transaction takes too long/);
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
});

test('without a listener for it, there is none for TLS from the first byte', async () => {
  const { smtpsPort } = await start({});
  expect(smtpsPort).toBeUndefined();
  await expect(connectTls(ingress?.smtpPort ?? 0)).rejects.toThrow();
});
