/**
 * Redis with TLS and an ACL user that may do no more than docs/redis.md says, and the secrets of a whole tier: none of them
 * is in anything that its processes wrote, showed or called themselves.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  createCertificates,
  freePort,
  startRedis,
  startSmtpHost,
  waitFor,
  type Certificates,
  type SmtpHost,
  type TestRedis,
} from '@mailwheel/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTier, type Tier } from './tier.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../../apps/cli/bin/mailwheel.mjs', import.meta.url));
const manual = new URL('../../docs/redis.md', import.meta.url);

const secret = (what: string): string => `${what}${randomBytes(12).toString('hex')}`;
const secrets = {
  redis: secret('redis'),
  relay: secret('relay'),
  console: secret('console'),
  token: secret('token'),
  wrong: secret('wrong'),
};

let certificates: Certificates;
let redis: TestRedis;
let host: SmtpHost;
let tier: Tier;

/** The rule as the manual gives it, for this password. */
async function aclFile(password: string): Promise<string> {
  const rule = /^user mailwheel on .*$/m.exec(await readFile(manual, 'utf8'))?.[0] ?? '';
  const path = join(certificates.folder, 'users.acl');
  const digest = createHash('sha256').update(password).digest('hex');
  const admin = 'user admin on nopass ~* &* +@all';
  await writeFile(path, `user default off\n${admin}\n${rule.replace(/#\S+/, `#${digest}`)}\n`);
  return path;
}

async function secretFile(name: string, value: string): Promise<string> {
  const path = join(certificates.folder, name);
  await writeFile(path, `${value}\n`, { mode: 0o600 });
  return path;
}

function redisSettings(passwordFile: string): Record<string, unknown> {
  return {
    url: `rediss://127.0.0.1:${redis.port}`,
    username: 'mailwheel',
    passwordFile,
    tls: { caFile: certificates.caFile },
  };
}

async function startSecuredRedis(password: string, port?: number): Promise<TestRedis> {
  const at = port ?? (await freePort());
  const { keyFile, certFile } = certificates.host;
  const tls = ['--port', '0', '--tls-port', String(at), '--tls-auth-clients', 'no'];
  const files = [
    '--tls-cert-file',
    certFile,
    '--tls-key-file',
    keyFile,
    '--tls-ca-cert-file',
    certificates.caFile,
  ];
  return startRedis({
    port: at,
    folder: certificates.folder,
    arguments: [...tls, ...files, '--aclfile', await aclFile(password)],
  });
}

beforeAll(async () => {
  certificates = await createCertificates();
  const { key, cert } = certificates.host;
  host = await startSmtpHost(
    { rcpt: ({ address }) => (address.startsWith('nobody') ? '550 5.1.1 no such user' : undefined) },
    { tls: { key, cert }, users: { 'us@provider.test': secrets.relay } },
  );
  redis = await startSecuredRedis(secrets.redis);
  const hop = `127.0.0.1:${host.port}`;
  tier = await startTier({
    redis,
    console: true,
    routes: `ALL ${hop}`,
    settings: {
      log: { level: 'debug' },
      redis: redisSettings(await secretFile('redis', secrets.redis)),
      delivery: { tlsCaFile: certificates.caFile },
      nextHops: {
        [hop]: {
          tls: 'require',
          auth: { user: 'us@provider.test', passwordFile: await secretFile('relay', secrets.relay) },
        },
      },
      ingress: {
        http: { tokens: [{ name: 'app', sha256: createHash('sha256').update(secrets.token).digest('hex') }] },
      },
      console: { login: { user: 'ops', passwordFile: await secretFile('console', secrets.console) } },
    },
  });
}, 60_000);
afterAll(async () => {
  await tier?.stop();
  await host?.stop();
  await redis?.stop();
  await certificates?.remove();
});

/** What the server says to the administrator. */
async function administrator(...words: readonly string[]): Promise<string> {
  const how = `-p ${redis.port} --tls --cacert ${certificates.caFile} --user admin --pass none --no-auth-warning`;
  const { stdout } = await run('redis-cli', [...how.split(' '), ...words]);
  return stdout;
}

async function pages(): Promise<string> {
  const authorization = `Basic ${Buffer.from(`ops:${secrets.console}`).toString('base64')}`;
  const texts: string[] = [];
  for (const path of ['/', '/api/overview', '/metrics', '/board/', '/board/api/queues']) {
    const answer = await fetch(`http://127.0.0.1:${tier.consolePort}${path}`, { headers: { authorization } });
    expect([path, answer.status]).toEqual([path, 200]);
    texts.push(await answer.text());
  }
  const refused = await fetch(`http://127.0.0.1:${tier.consolePort}/`, {
    headers: { authorization: `Basic ${Buffer.from(`ops:${secrets.wrong}`).toString('base64')}` },
  });
  expect(refused.status).toBe(401);
  return `${texts.join('\n')}\n${await refused.text()}`;
}

test('a tier works as the ACL user of the manual, and needs nothing that the rule denies', async () => {
  const to = ['user@d0.example', 'user@d1.example', 'nobody@d2.example'];
  for (const recipient of to) {
    await tier.submit({ from: 'sender@source.test', to: [recipient], body: 'Subject: s\r\n\r\nx\r\n' });
  }
  // Two messages and the report on the third, back to its sender.
  await waitFor(
    'mail and its report',
    () => host.transactions.filter((one) => one.accepted).length >= 3,
    20_000,
  );
  expect(host.transactions.every((one) => one.tls && one.user === 'us@provider.test')).toBe(true);
  await pages();
  expect((await administrator('ACL', 'LOG')).trim()).toBe('');
  expect(await administrator('ACL', 'DRYRUN', 'mailwheel', 'FLUSHALL')).toContain('no permissions');
  expect(await administrator('ACL', 'DRYRUN', 'mailwheel', 'GET', 'other')).toContain('no permissions');
});

test('a wrong password stops the start with a sentence that names the setting', async () => {
  const configPath = join(certificates.folder, 'wrong.yaml');
  const redisText = JSON.stringify(redisSettings(await secretFile('wrong', secrets.wrong)));
  await writeFile(
    configPath,
    `hostname: relay.test\nredis: ${redisText}\ningress: { listen: "127.0.0.1:0" }\n`,
  );
  const started = performance.now();
  const child = spawn(process.execPath, [program, 'worker', '--config', configPath], { stdio: 'pipe' });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  expect(code).toBe(1);
  expect(text).toMatch(/Redis refuses this user or password; check redis\.username and redis\.passwordFile/);
  expect(text).toContain('WRONGPASS');
  expect(text).not.toContain(secrets.wrong);
  expect(performance.now() - started).toBeLessThan(15_000);
});

test('no secret is in a log, an error, /metrics, a page of the console or a process title', async () => {
  const headers = { authorization: `Bearer ${secrets.token}`, 'content-type': 'application/json' };
  const mail = { from: 'sender@source.test', to: ['user@d3.example'], subject: 'over HTTP', text: 'x' };
  const send = (bearer: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${tier.httpPort}/v1/messages`, {
      method: 'POST',
      headers: { ...headers, authorization: `Bearer ${bearer}` },
      body: JSON.stringify(mail),
    });
  expect((await send(secrets.token)).status).toBe(202);
  expect((await send(secrets.wrong)).status).toBe(401);
  // Errors too: Redis goes away with its password in use, and comes back refusing it.
  const seen = [await pages()];
  await redis.stop();
  seen.push(await (await send(secrets.token)).text());
  await waitFor(
    'an error in every log',
    () => tier.roles.every((role) => role.output().includes('ECONNREFUSED')),
    20_000,
  );
  redis = await startSecuredRedis(secret('another'), redis.port);
  await waitFor(
    'a refused password in every log',
    () => tier.roles.every((role) => role.output().includes('WRONGPASS')),
    20_000,
  );
  for (const role of tier.roles) {
    seen.push(role.output());
    seen.push(await readFile(`/proc/${role.child.pid}/cmdline`, 'utf8'));
    if (role.role !== 'console') seen.push(await tier.metrics(role));
  }
  const all = seen.join('\n');
  expect(all.length).toBeGreaterThan(10_000);
  for (const [name, value] of Object.entries(secrets))
    expect([name, all.includes(value)]).toEqual([name, false]);
}, 60_000);
