/**
 * Acceptance 9, a relay provider: a next hop that demands TLS and a login. The certificate is verified against the
 * operator's own authority, and the password never leaves without encryption.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createCertificates,
  startDnsServer,
  startSmtpHost,
  waitFor,
  type Certificates,
  type HostOptions,
  type HostScript,
  type SmtpHost,
  type TestDnsServer,
} from '@mailwheel/testkit';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { messageIdOf, startTier, type Tier } from './tier.ts';

let certificates: Certificates;
let dns: TestDnsServer;
let passwordFile: string;
const open: { tier?: Tier; hosts: SmtpHost[] } = { hosts: [] };

const name = 'relay.provider.test';
const users = { 'us@provider.test': 'correct horse' };

beforeAll(async () => {
  certificates = await createCertificates();
  dns = await startDnsServer({ [name]: { A: ['127.0.0.1'] } });
  passwordFile = join(certificates.folder, 'password');
  await writeFile(passwordFile, 'correct horse\n', { mode: 0o600 });
});

afterEach(async () => {
  await open.tier?.stop();
  await Promise.all(open.hosts.map((host) => host.stop()));
  delete open.tier;
  open.hosts = [];
});

afterAll(async () => {
  await dns?.stop();
  await certificates?.remove();
});

async function startHost(options: HostOptions = {}, script: HostScript = {}): Promise<SmtpHost> {
  const host = await startSmtpHost(script, options);
  open.hosts.push(host);
  return host;
}

interface Hop {
  readonly host: SmtpHost;
  readonly policy: Readonly<Record<string, unknown>>;
}

/** A tier whose route for `example.com` is the relay by its name, then by priority what follows. */
async function tierFor(hop: Hop, next?: SmtpHost): Promise<Tier> {
  const relay = `[${name}]:${hop.host.port}`;
  const second = next === undefined ? '' : `, 127.0.0.1:${next.port}/pri=10`;
  const tier = await startTier({
    routes: `example.com ${relay}${second}`,
    settings: {
      dns: { servers: [dns.address] },
      delivery: { tlsCaFile: certificates.caFile },
      retry: { firstWaitSeconds: 600, longestWaitSeconds: 600 },
      nextHops: { [`${name}:${hop.host.port}`]: hop.policy },
    },
  });
  open.tier = tier;
  return tier;
}

interface Told {
  readonly recipients: readonly { readonly state: string }[];
  readonly attempts: readonly {
    readonly host: string;
    readonly phase: string;
    readonly outcome: string;
    readonly reply: string;
  }[];
}

async function send(tier: Tier): Promise<() => Promise<Told>> {
  const id = messageIdOf(await tier.submit({ from: 'sender@source.test', to: 'a@example.com' }));
  return async () => (await tier.message(id)) as unknown as Told;
}

const auth = (): Readonly<Record<string, unknown>> => ({
  user: 'us@provider.test',
  passwordFile,
});

/** The password in the form of AUTH PLAIN or LOGIN, anywhere in what the host was told. */
function heardPassword(host: SmtpHost): boolean {
  const words = host.connections.flatMap((connection) => connection.commands).join('\n');
  const secrets = ['\0us@provider.test\0correct horse', 'correct horse'].map((text) =>
    Buffer.from(text).toString('base64'),
  );
  return secrets.some((secret) => words.includes(secret)) || /AUTH/i.test(words);
}

test.each([
  ['verify', { implicitTls: false }],
  ['require', { implicitTls: false }],
  ['implicit', { implicitTls: true }],
])('tls: %s with a login: delivered encrypted, under the login, with our own HELO name', async (tls, how) => {
  // `require` does not look at the certificate: a provider's self-signed one is good enough for it.
  const certificate =
    tls === 'require' ? await certificates.selfSigned(['other.test']) : await certificates.issue([name]);
  const relay = await startHost({ tls: certificate, users, requireAuth: true, ...how });
  const tier = await tierFor({
    host: relay,
    policy: { tls, auth: auth(), heloName: 'us.customer.test', connectionsMax: 2 },
  });
  await send(tier);
  await waitFor('delivery', () => relay.delivered.length === 1);
  expect(relay.delivered[0]).toMatchObject({ tls: true, user: 'us@provider.test' });
  expect(relay.connections[0]).toMatchObject({ serverName: name, heloName: 'us.customer.test' });
});

test('tls: verify refuses a certificate of another name: no password, the next host has the mail', async () => {
  const relay = await startHost({
    tls: await certificates.issue(['somebody.else.test']),
    users,
    requireAuth: true,
  });
  const next = await startHost();
  const tier = await tierFor({ host: relay, policy: { tls: 'verify', auth: auth() } }, next);
  const message = await send(tier);
  await waitFor('delivery by the next host', () => next.delivered.length === 1);
  const told = await waitFor('the ledger', async () => {
    const now = await message();
    return now.attempts.length === 2 ? now : undefined;
  });
  expect(told.attempts.map((one) => [one.host, one.phase, one.outcome])).toEqual([
    [`127.0.0.1:${relay.port}`, 'tls', 'next-host'],
    [`127.0.0.1:${next.port}`, 'final', 'delivered'],
  ]);
  expect(told.attempts[0]?.reply).toMatch(/altnames|does not match/i);
  expect(heardPassword(relay)).toBe(false);
});

test.each(['verify', 'require'])(
  'tls: %s with a host that offers no STARTTLS: it waits, no password',
  async (tls) => {
    const relay = await startHost({ users, requireAuth: true });
    const tier = await tierFor({ host: relay, policy: { tls, auth: auth() } });
    const message = await send(tier);
    const told = await waitFor('it to be deferred', async () => {
      const now = await message();
      return now.recipients[0]?.state === 'deferred' ? now : undefined;
    });
    expect(told.attempts).toMatchObject([{ phase: 'tls', attempt: 1 }]);
    expect(told.attempts[0]?.reply).toMatch(/STARTTLS/);
    const line = await waitFor('the log line', () => tier.events('delayed')[0]);
    expect(line).toMatchObject({ enhancedCode: '4.7.5' });
    expect(relay.delivered).toHaveLength(0);
    expect(heardPassword(relay)).toBe(false);
  },
);

test('a login that is refused: the next host; a new password in the file is taken up without a restart', async () => {
  const relay = await startHost({
    tls: await certificates.issue([name]),
    users: { 'us@provider.test': 'new password' },
    requireAuth: true,
  });
  const next = await startHost();
  const file = join(certificates.folder, 'rotated');
  await writeFile(file, 'old password\n');
  const tier = await tierFor(
    { host: relay, policy: { tls: 'verify', auth: { user: 'us@provider.test', passwordFile: file } } },
    next,
  );
  const message = await send(tier);
  await waitFor('delivery by the next host', () => next.delivered.length === 1);
  const told = await waitFor('the ledger', async () => {
    const now = await message();
    return now.attempts.length === 2 ? now : undefined;
  });
  expect(told.attempts[0]).toMatchObject({ phase: 'auth', outcome: 'next-host' });
  expect(told.attempts[0]?.reply).toMatch(/^535/);

  await writeFile(file, 'new password\n');
  await waitFor(
    'the relay to be asked again after its rest',
    async () => {
      await send(tier);
      return relay.delivered.length > 0;
    },
    20_000,
  );
  expect(relay.delivered[0]).toMatchObject({ tls: true, user: 'us@provider.test' });
}, 40_000);

test.each([
  ['holds no certificate', 'garbage', /delivery\.tlsCaFile: .*ca\.pem is no file of certificates \(PEM\)/],
  ['is missing', undefined, /delivery\.tlsCaFile: .*ca\.pem is no file of certificates \(PEM\): ENOENT/],
])('an authorities file that %s stops the start', async (_what, content, sentence) => {
  const tier = await startTier({
    ingress: false,
    workers: 0,
    settings: { delivery: { tlsCaFile: 'ca.pem' } },
  });
  open.tier = tier;
  if (content !== undefined) await writeFile(join(tier.folder, 'ca.pem'), content);
  await expect(tier.startRole('worker')).rejects.toThrow(sentence);
});
