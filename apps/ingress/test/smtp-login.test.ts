/** SMTP AUTH: where it is offered, who gets in, what a user may then do, what a failure costs, and what is never said. */
import { startRedis, waitFor, type RawSmtp, type TestRedis } from '@mailwheel/testkit';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { converse, queuedId, startIngress, type TestIngress } from './fixture.ts';
import {
  base64,
  connectTls,
  createCertificates,
  plain,
  userLine,
  type Certificates,
} from './login-fixture.ts';

let redis: TestRedis;
let certificates: Certificates;
let folder: string;
let ingress: TestIngress | undefined;

const users = [
  userLine('app', 's3cret-of-app'),
  userLine('news', 'other', 'from=*@news.example,boss@x.example'),
  userLine('slow', 'turtle', 'messages=2 recipients=3'),
].join('');

beforeAll(async () => {
  [redis, certificates, folder] = await Promise.all([
    startRedis(),
    createCertificates(),
    mkdtemp(join(tmpdir(), 'mailwheel-users-')),
  ]);
});
afterEach(async () => {
  await ingress?.stop();
  ingress = undefined;
});
afterAll(async () => {
  await Promise.all([certificates.remove(), rm(folder, { recursive: true })]);
  await redis.stop();
});

const usersFile = (): string => join(folder, 'users');

async function start(smtp: Readonly<Record<string, unknown>> = {}): Promise<TestIngress> {
  await writeFile(usersFile(), users);
  const { certFile, keyFile } = certificates.host;
  ingress = await startIngress({
    redis,
    smtp: {
      tls: { certificateFile: certFile, keyFile },
      usersFile: usersFile(),
      trustedNetworks: [],
      filesReloadSeconds: 0.1,
      ...smtp,
    },
    smtps: { listen: '127.0.0.1:0' },
  });
  return ingress;
}

async function secured(): Promise<RawSmtp> {
  const { client } = await connectTls(ingress?.smtpsPort ?? 0);
  await client.expect(220);
  await client.command('EHLO client.example', 250);
  return client;
}

async function loggedIn(name: string, password: string): Promise<RawSmtp> {
  const client = await secured();
  await client.command(plain(name, password), /^235 2\.7\.0/);
  return client;
}

const logins = (): unknown[] =>
  (ingress?.events ?? []).flatMap((event) =>
    event.kind === 'login'
      ? [{ result: event.result, userName: event.userName, mechanism: event.mechanism }]
      : [],
  );

describe('AUTH', () => {
  test('is offered under TLS only; in plain text it is refused without a look', async () => {
    const { connect } = await start();
    const client = await connect();
    expect((await client.command('EHLO client.example', 250)).lines.join()).not.toContain('AUTH');
    await client.command(plain('app', 's3cret-of-app'), /^538 5\.7\.11/);
    await client.command('RCPT TO:<b@dest.example>', 503);
    await client.startTls();
    expect((await client.command('EHLO client.example', 250)).lines).toContain('AUTH PLAIN LOGIN');
    await client.command(plain('app', 's3cret-of-app'), 235);
    expect((await client.command('EHLO client.example', 250)).lines.join()).not.toContain('AUTH');
    expect(logins()).toEqual([{ result: 'succeeded', userName: 'app', mechanism: 'PLAIN' }]);
  });

  test('PLAIN and LOGIN, in every order of their lines, let a user relay from anywhere', async () => {
    const { message } = await start();
    const [name, password] = [base64('app'), base64('s3cret-of-app')];
    const ways = [
      `C: AUTH PLAIN\nS: 334\nC: ${base64('\0app\0s3cret-of-app')}`,
      `C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: ${name}\nS: 334 UGFzc3dvcmQ6\nC: ${password}`,
      `C: auth login ${name}\nS: 334 UGFzc3dvcmQ6\nC: ${password}`,
    ];
    for (const way of ways) {
      const replies = await converse(
        await secured(),
        `${way}
         S: 235 2.7.0
         C: MAIL FROM:<any@sender.example> AUTH=<>
         S: 250
         C: RCPT TO:<b@dest.example>
         S: 250
         C: DATA
         S: 354
         C: .
         S: 250`,
      );
      const { body, envelope } = await message(queuedId(replies.at(-1)));
      expect(body.toString()).toContain(' with ESMTPSA id ');
      expect(body.toString()).not.toContain('app');
      expect(envelope.origin.principal).toBe('app');
    }
  });

  test('who is not logged in relays nothing, before, after a failure, and after giving up', async () => {
    await start();
    const client = await secured();
    const relays = async (): Promise<void> => {
      await client.command('MAIL FROM:<a@sender.example>', 250);
      await client.command('RCPT TO:<b@dest.example>', /^550 5\.7\.1/);
      await client.command('RSET', 250);
    };
    await relays();
    await client.command(plain('app', 'wrong'), /^535 5\.7\.8/);
    await relays();
    await converse(client, `C: AUTH LOGIN\nS: 334\nC: *\nS: 501 5.7.0`);
    await relays();
  });

  test.each([
    ['AUTH', 501],
    ['AUTH CRAM-MD5', 504],
    ['AUTH PLAIN !!!', 501],
    ['AUTH PLAIN =', 501],
    [`AUTH PLAIN ${base64('root\0app\0s3cret-of-app')}`, 501],
    [`AUTH PLAIN ${base64('app\0\0s3cret-of-app')}`, 501],
    ['AUTH LOGIN =', 501],
  ])('%s is not one', async (line, code) => {
    await start();
    const client = await secured();
    await client.command(line, code);
    await client.command('NOOP', 250);
    expect(logins()).toEqual([]);
  });

  test('a second time, and within a transaction, it is out of order', async () => {
    await start();
    const client = await secured();
    await client.command('MAIL FROM:<a@sender.example>', 250);
    await client.command(plain('app', 's3cret-of-app'), /^503/);
    await client.command('RSET', 250);
    await client.command(plain('app', 's3cret-of-app'), 235);
    await client.command(plain('app', 's3cret-of-app'), /^503/);
  });

  test('commands that are pipelined behind it wait for its answer', async () => {
    await start();
    const client = await secured();
    client.send(plain('app', 's3cret-of-app'), 'MAIL FROM:<a@sender.example>', 'RCPT TO:<b@dest.example>');
    for (const code of [235, 250, 250]) await client.expect(code);
  });
});

describe('failures', () => {
  test('are answered late; after so many the address is not heard, right password or not', async () => {
    const { events } = await start({ loginFailuresMax: 2 });
    const startedMs = performance.now();
    const client = await secured();
    await client.command(plain('app', 'wrong'), 535);
    await client.command(plain('no-such-user', 'wrong'), 535);
    // Half a second, then one.
    expect(performance.now() - startedMs).toBeGreaterThan(1450);
    for (const [name, password] of [
      ['app', 'wrong'],
      ['app', 's3cret-of-app'],
    ] as const) {
      const next = await secured();
      await next.command(plain(name, password), /^421 4\.7\.0/);
      await next.closed();
    }
    expect(logins()).toEqual([
      { result: 'failed', userName: 'app', mechanism: 'PLAIN' },
      { result: 'failed', userName: '', mechanism: 'PLAIN' },
      { result: 'refused', userName: '', mechanism: 'PLAIN' },
      { result: 'refused', userName: '', mechanism: 'PLAIN' },
    ]);
    expect(JSON.stringify(events)).not.toMatch(/s3cret|wrong|no-such-user/);
  });

  test('many connections at once have no more tries than one', async () => {
    await start({ loginFailuresMax: 3 });
    const clients = await Promise.all(Array.from({ length: 8 }, secured));
    const replies = await Promise.all(
      clients.map(async (client, index) => (await client.command(plain('app', `wrong ${index}`))).code),
    );
    expect(replies.toSorted((a, b) => a - b)).toEqual([421, 421, 421, 421, 421, 535, 535, 535]);
  });
});

describe('a user', () => {
  test('sends only from the addresses of its line', async () => {
    await start();
    const client = await loggedIn('news', 'other');
    for (const from of ['a@news.example', 'BOSS@X.example']) {
      await client.command(`MAIL FROM:<${from}>`, 250);
      await client.command('RSET', 250);
    }
    for (const from of ['a@other.example', 'a@news.example.evil.example', '']) {
      await client.command(`MAIL FROM:<${from}>`, /^550 5\.7\.1 you may not send/);
    }
  });

  test('has so many messages and recipients a minute, over all connections', async () => {
    const { store } = await start();
    const send = async (recipients: number): Promise<string> => {
      const client = await loggedIn('slow', 'turtle');
      await client.command('MAIL FROM:<a@sender.example>', 250);
      for (let index = 0; index < recipients; index++)
        await client.command(`RCPT TO:<b${index}@dest.example>`, 250);
      const { line, code } = await client.command('DATA');
      if (code === 354) await client.command('x\r\n.', 250);
      client.close();
      return line;
    };
    // Not across the end of a minute of Redis's clock.
    await waitFor('a fresh minute', async () => Number((await store.client.time())[0]) % 60 < 50, 15_000);
    expect(await send(2)).toMatch(/^354/);
    expect(await send(2)).toMatch(/^450 4\.7\.1 too many recipients/);
    expect(await send(1)).toMatch(/^354/);
    expect(await send(1)).toMatch(/^450 4\.7\.1 too many messages/);
    const client = await loggedIn('slow', 'turtle');
    await client.command('MAIL FROM:<a@sender.example>', 250);
    for (const code of [250, 250, 250, 452])
      await client.command(`RCPT TO:<b${Math.random()}@dest.example>`, code);
    const other = await loggedIn('app', 's3cret-of-app');
    await converse(
      other,
      `C: MAIL FROM:<a@x.example>\nC: RCPT TO:<b@x.example>\nC: DATA\nS: 250\nS: 250\nS: 354`,
    );
  });

  test('is one no longer when its line changes or goes; a file with a bad line changes nothing', async () => {
    const { events } = await start();
    const changes = (): (string | undefined)[] =>
      events.flatMap((event) => (event.kind === 'file-changed' ? [event.fault?.message] : []));
    const [app, news] = [await loggedIn('app', 's3cret-of-app'), await loggedIn('news', 'other')];
    await writeFile(usersFile(), `${userLine('app', 'new')}app:broken\n`);
    await waitFor('the refusal', () => changes().length === 1);
    expect(changes()[0]).toMatch(/cannot be used:\n {2}line 2: app: this is no hash/);
    await app.command('MAIL FROM:<a@sender.example>', 250);
    await app.command('RSET', 250);
    await writeFile(
      usersFile(),
      userLine('app', 'new') + userLine('news', 'other', 'from=only@this.example'),
    );
    await waitFor('the change', () => changes().length === 2);
    expect(changes()[1]).toBeUndefined();
    await app.command('MAIL FROM:<a@sender.example>', /^421 4\.7\.0 your login/);
    await news.command('MAIL FROM:<a@news.example>', /^550 5\.7\.1/);
    await news.command('MAIL FROM:<only@this.example>', 250);
    await loggedIn('app', 'new');
  });
});
