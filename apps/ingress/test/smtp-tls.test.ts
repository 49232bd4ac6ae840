/** STARTTLS and implicit TLS: what is offered when, what is thrown away, which certificate is shown, whose is believed. */
import { startRedis, waitFor, type RawSmtp, type TestRedis } from '@mailwheel/testkit';
import { copyFile, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { converse, queuedId, startIngress, type TestIngress, type TestIngressOptions } from './fixture.ts';
import { connectTls, createCertificates, type Certificates } from './login-fixture.ts';

let redis: TestRedis;
let certificates: Certificates;
let ingress: TestIngress | undefined;

beforeAll(async () => {
  [redis, certificates] = await Promise.all([startRedis(), createCertificates()]);
});
afterEach(async () => {
  await ingress?.stop();
  ingress = undefined;
});
afterAll(async () => {
  await certificates.remove();
  await redis.stop();
});

function tlsSettings(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const { certFile, keyFile } = certificates.host;
  return { tls: { certificateFile: certFile, keyFile, ...more }, filesReloadSeconds: 0.1 };
}

async function start(smtp = tlsSettings(), options: TestIngressOptions = {}): Promise<TestIngress> {
  ingress = await startIngress({ redis, smtp, smtps: { listen: '127.0.0.1:0' }, ...options });
  return ingress;
}

const message = `C: MAIL FROM:<a@sender.example>
  S: 250
  C: RCPT TO:<b@dest.example>
  S: 250
  C: DATA
  S: 354
  C: Subject: x
  C:
  C: .
  S: 250 2.0.0`;

describe('STARTTLS', () => {
  test('is offered before TLS and not under it; mail under it is marked so', async () => {
    const { connect: open, message: stored } = await start();
    const client = await open();
    expect((await client.command('EHLO client.example', 250)).lines).toContain('STARTTLS');
    await client.startTls();
    const { lines } = await client.command('EHLO client.example', 250);
    expect(lines).not.toContain('STARTTLS');
    expect(lines.join(' ')).not.toContain('AUTH');
    await client.command('STARTTLS', 503);
    const replies = await converse(client, message);
    expect((await stored(queuedId(replies.at(-1)))).body.toString()).toContain(' with ESMTPS id ');
  });

  test('everything said before it is forgotten: the name, and a transaction', async () => {
    const client = await (await start()).greeted();
    await client.command('MAIL FROM:<a@sender.example>', 250);
    await client.startTls();
    await client.command('RCPT TO:<b@dest.example>', /^503/);
    await client.command('EHLO client.example', 250);
    await client.command('RCPT TO:<b@dest.example>', /^503 5\.5\.1 need MAIL/);
  });

  test('commands that came behind it in plain text never run, however many', async () => {
    const { greeted, stored } = await start();
    const before = (await stored()).length;
    for (const count of [1, 300]) {
      const client = await greeted();
      const injected = Array.from({ length: count }, () => 'NOOP').join('\r\n');
      client.write(`STARTTLS\r\nEHLO injected.example\r\nMAIL FROM:<evil@x.example>\r\n${injected}\r\n`);
      await client.expect(220);
      client.socket.removeAllListeners('data');
      const secured = connect({ socket: client.socket, rejectUnauthorized: false });
      const replies: string[] = [];
      secured.on('data', (chunk: Buffer) => replies.push(chunk.toString()));
      await once(secured, 'secureConnect');
      secured.write('RCPT TO:<b@dest.example>\r\nQUIT\r\n');
      await once(secured, 'close');
      // 503: no EHLO, no MAIL was heard; and no reply to anything else.
      expect(replies.join('')).toMatch(/^503 [^\n]*\r\n221 [^\n]*\r\n$/);
    }
    expect(await stored()).toHaveLength(before);
  });

  test('plain text in the place of a handshake ends the connection, which is counted and not taken for our fault', async () => {
    const { connect: open, events } = await start();
    const client = await open();
    await client.command('EHLO client.example', 250);
    await client.command('STARTTLS', 220);
    client.send('MAIL FROM:<evil@x.example>');
    await client.closed();
    await waitFor('the end', () => events.some(({ kind }) => kind === 'disconnected'));
    expect(events.filter(({ kind }) => kind === 'tls-failed')).toHaveLength(1);
    expect(events.filter(({ kind }) => kind === 'fault')).toEqual([]);
  });

  test('a handshake that is not finished is given up, and the connection is free again', async () => {
    const { connect: open, events, smtpsPort, doors } = await start(tlsSettings(), { idleSeconds: 0.6 });
    const client = await open();
    await client.command('EHLO client.example', 250);
    await client.command('STARTTLS', 220);
    const trickle = connectTcp({ port: smtpsPort ?? 0, host: '127.0.0.1' });
    trickle.on('error', () => undefined);
    // A record header of a handshake of 512 bytes, and then an octet now and then.
    trickle.write(Buffer.from('1603010200', 'hex'));
    const timer = setInterval(() => trickle.write(Buffer.of(1)), 100);
    await Promise.all([client.closed(), new Promise((resolve) => trickle.once('close', resolve))]);
    clearInterval(timer);
    await waitFor('both to be over', () => events.filter(({ kind }) => kind === 'disconnected').length === 2);
    expect(doors.bodiesInFlightBytes()).toBe(0);
  });

  test('nothing below TLS 1.2 is spoken', async () => {
    const { smtpsPort } = await start();
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' } as const;
    await expect(connectTls(smtpsPort ?? 0, old)).rejects.toThrow(
      /protocol version|closed|alert|disconnected/,
    );
    const { socket } = await connectTls(smtpsPort ?? 0, { maxVersion: 'TLSv1.2' });
    expect(socket.getProtocol()).toBe('TLSv1.2');
    socket.destroy();
  });

  test('without a certificate in the settings it is not known', async () => {
    ingress = await startIngress({ redis });
    const client = await ingress.greeted();
    await client.command('STARTTLS', 500);
  });
});

describe('TLS from the first byte', () => {
  test('takes mail, and limits count both listeners together', async () => {
    const {
      smtpsPort,
      message: stored,
      connect: open,
      events,
    } = await start({
      ...tlsSettings(),
      connectionsMax: 2,
      connectionsPerAddressMax: 2,
    });
    const { client } = await connectTls(smtpsPort ?? 0);
    await client.expect(220);
    await client.command('EHLO client.example', 250);
    const replies = await converse(client, message);
    expect((await stored(queuedId(replies.at(-1)))).body.toString()).toContain(' with ESMTPS id ');
    await open();
    await expect(connectTls(smtpsPort ?? 0)).rejects.toThrow();
    expect(events.filter(({ kind }) => kind === 'refused')).toHaveLength(1);
    client.close();
    await waitFor('the place', () => events.some(({ kind }) => kind === 'disconnected'));
    const next = await connectTls(smtpsPort ?? 0);
    await next.client.expect(220);
  });
});

describe('the certificate', () => {
  async function shown(port: number | undefined): Promise<string> {
    const { socket } = await connectTls(port ?? 0);
    const { fingerprint256 } = socket.getPeerX509Certificate() ?? { fingerprint256: 'none' };
    socket.destroy();
    return fingerprint256;
  }

  test('is taken up when its files change, by symlink swap too; one without its key is refused and the old stays', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mailwheel-cert-'));
    const [one, two, three] = [
      certificates.host,
      await certificates.issue(['two']),
      await certificates.issue(['three']),
    ];
    await copyFile(one.certFile, join(folder, 'cert'));
    await symlink(one.keyFile, join(folder, 'key'));
    const { smtpsPort, events } = await start(
      tlsSettings({ certificateFile: join(folder, 'cert'), keyFile: join(folder, 'key') }),
    );
    const changes = (): unknown[] =>
      events.flatMap((event) => (event.kind === 'file-changed' ? [event.fault] : []));
    const first = await shown(smtpsPort);
    const open = await ingress?.connect();
    await copyFile(two.certFile, join(folder, 'cert'));
    await waitFor('the refusal', () => changes().length === 1);
    expect(String(changes()[0])).toContain('cannot be used');
    expect(await shown(smtpsPort)).toBe(first);
    await symlink(two.keyFile, join(folder, 'next'));
    await rename(join(folder, 'next'), join(folder, 'key'));
    await waitFor('the new one', () => changes().length === 2);
    expect(changes()[1]).toBeUndefined();
    const second = await shown(smtpsPort);
    expect(second).not.toBe(first);
    await symlink(three.certFile, join(folder, 'next'));
    await rename(join(folder, 'next'), join(folder, 'cert'));
    await symlink(three.keyFile, join(folder, 'next'));
    await rename(join(folder, 'next'), join(folder, 'key'));
    await waitFor('the third', async () => (await shown(smtpsPort)) !== second);
    // STARTTLS of a session from before shows the new one, too.
    await open?.command('EHLO a', 250);
    await open?.startTls();
    await rm(folder, { recursive: true });
  });

  test('that cannot be used stops the start', async () => {
    const other = await certificates.issue(['other']);
    await expect(start(tlsSettings({ keyFile: other.keyFile }))).rejects.toThrow(
      /ingress\.smtp\.tls .*cannot be used/,
    );
    ingress = undefined;
  });
});

describe('client certificates', () => {
  const asked = (clientCertificates: string, relay: boolean): Record<string, unknown> => ({
    ...tlsSettings({ caFile: certificates.caFile, clientCertificates, clientCertificatesRelay: relay }),
    trustedNetworks: [],
  });

  async function relayed(port: number | undefined, show: object): Promise<string> {
    const { client } = await connectTls(port ?? 0, show);
    await client.expect(220);
    await client.command('EHLO client.example', 250);
    await client.command('MAIL FROM:<a@sender.example>', 250);
    const { line } = await client.command('RCPT TO:<b@dest.example>');
    client.close();
    return line;
  }

  test('a verified one relays if the settings say so; none, a strange one and an expired one do not', async () => {
    const { smtpsPort, connect: open } = await start(asked('optional', true));
    const [mine, expired, strange] = await Promise.all([
      certificates.issue(['client']),
      certificates.issue(['late'], { expired: true }),
      certificates.selfSigned(['strange']),
    ]);
    expect(await relayed(smtpsPort, mine)).toMatch(/^250/);
    for (const show of [{}, strange, expired]) expect(await relayed(smtpsPort, show)).toMatch(/^550 5\.7\.1/);
    const client: RawSmtp = await open();
    await client.command('EHLO client.example', 250);
    await client.command('STARTTLS', 220);
    client.socket.removeAllListeners('data');
    const secured = connect({
      socket: client.socket,
      rejectUnauthorized: false,
      key: mine.key,
      cert: mine.cert,
    });
    await once(secured, 'secureConnect');
    const replies: string[] = [];
    secured.on('data', (chunk: Buffer) => replies.push(chunk.toString()));
    secured.write('EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<b@dest.example>\r\nQUIT\r\n');
    await once(secured, 'close');
    expect(replies.join('')).toContain('250 2.1.5');
  });

  test('a verified one is nothing if the settings do not say so', async () => {
    const { smtpsPort } = await start(asked('optional', false));
    expect(await relayed(smtpsPort, await certificates.issue(['client']))).toMatch(/^550 5\.7\.1/);
  });

  test('required: no session under TLS without one, and no MAIL without TLS', async () => {
    const {
      smtpsPort,
      events,
      connect: open,
    } = await start({ ...asked('required', true), trustedNetworks: ['127.0.0.1'] });
    expect(await relayed(smtpsPort, await certificates.issue(['client']))).toMatch(/^250/);
    for (const show of [{}, await certificates.selfSigned(['strange'])]) {
      await expect(relayed(smtpsPort, show)).rejects.toThrow();
    }
    await waitFor('the reports', () => events.filter(({ kind }) => kind === 'tls-failed').length === 2);
    const client = await open();
    await client.command('EHLO client.example', 250);
    await client.command('MAIL FROM:<a@sender.example>', /^530 5\.7\.0/);
    expect(events.filter(({ kind }) => kind === 'fault')).toEqual([]);
  });
});
