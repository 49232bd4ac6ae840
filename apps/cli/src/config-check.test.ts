/** Each unsafe setting is written once, and warned of; good settings are not. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { call, type Called } from '../fixture/calls.ts';
import { mailRulePaths } from './unsafe/mail.ts';

let folder: string;
const sha256 = '0'.repeat(64);
const hash = `$scrypt$ln=15,r=8,p=3$${'A'.repeat(22)}$${'A'.repeat(43)}`;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailwheel-check-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function check(settings: object, ...options: readonly string[]): Promise<Called> {
  const file = join(folder, 'mailwheel.yaml');
  await writeFile(file, JSON.stringify(settings), { mode: 0o600 });
  return call('config', 'check', '--config', file, ...options);
}

/** `unsafe console.insecure`, in the order of the output. */
async function warnings(settings: object): Promise<{ code: number | undefined; said: string[] }> {
  const { code, output } = await check(settings, '--json');
  const lines = output === '' ? [] : output.trimEnd().split('\n');
  const said = lines.map((line) => {
    const { path, severity, message } = JSON.parse(line) as Record<string, string>;
    expect(message, path).toMatch(/^[A-Z0-9/].*\.$/);
    return `${severity} ${path}`;
  });
  return { code, said };
}

async function secret(name: string, mode = 0o600): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, 'secret\n');
  await chmod(path, mode);
  return path;
}

const user = { name: 'ada', passwordHash: hash, role: 'operator' };
const good = { console: { users: [user] } };
const remoteRedis = { url: 'rediss://redis.example.net:6380' };

describe('good settings', () => {
  it('are said to be good, with exit code 0', async () => {
    const { code, output } = await check(good);
    expect(code).toBe(0);
    expect(output).toMatch(/the settings are good[^]*routes +0\n$/);
  });

  it('may be everything at once: listeners for others, with all that protects them', async () => {
    const passwordFile = await secret('password');
    const tokens = [{ name: 'app', sha256, from: ['*@app.example.net'] }];
    const settings = {
      console: { users: [user], listen: '0.0.0.0:3000', proxy: { trustedAddresses: ['10.0.0.5'] } },
      ingress: {
        smtp: {
          listen: '0.0.0.0:25',
          trustedNetworks: ['10.0.0.0/8', 'fd00::/8', '192.0.2.0/24', '2001:db8::/64'],
        },
        http: { listen: '0.0.0.0:8025', tokens },
      },
      redis: { ...remoteRedis, passwordFile },
      nextHops: { 'smtp.example.net:587': { tls: 'verify', auth: { user: 'u', passwordFile } } },
    };
    // Notes only: what these listeners cannot do by themselves.
    expect(await warnings(settings)).toEqual({
      code: 0,
      said: ['note ingress.http.listen', 'note ingress.smtp.tls', 'note console.listen'],
    });
  });

  it('without a login on loopback are worth a note', async () => {
    expect(await warnings({})).toEqual({ code: 0, said: ['note console.users'] });
  });
});

describe('listeners', () => {
  it.each<[string, object, string[]]>([
    [
      'the console open to others',
      { console: { listen: '0.0.0.0:3000', insecure: true } },
      ['unsafe console.listen', 'unsafe console.insecure'],
    ],
    [
      'HTTP open to others',
      { ...good, ingress: { http: { listen: '10.0.0.1:80', insecure: true } } },
      ['unsafe ingress.http.listen', 'unsafe ingress.http.insecure'],
    ],
    [
      'an open relay',
      {
        ...good,
        ingress: { smtp: { listen: '0.0.0.0:25', trustedNetworks: ['0.0.0.0/0'], insecure: true } },
      },
      [
        'unsafe ingress.smtp.listen',
        'unsafe ingress.smtp.insecure',
        'unsafe ingress.smtp.trustedNetworks[0]',
        'note ingress.smtp.tls',
      ],
    ],
    ['insecure kept for later', { console: { users: [user], insecure: true } }, ['note console.insecure']],
  ])('%s', async (_what, settings, said) => {
    const result = await warnings(settings);
    expect(result.said).toEqual(said);
    expect(result.code).toBe(said.some((line) => line.startsWith('unsafe')) ? 3 : 0);
  });

  it.each([
    ['8.0.0.0/8', true],
    ['192.0.2.0/23', true],
    ['10.0.0.0/7', true],
    ['172.0.0.0/8', true],
    ['2001:db8::/48', true],
    ['::/1', true],
    ['10.0.0.0/8', false],
    ['172.16.0.0/12', false],
    ['127.0.0.0/8', false],
    ['192.0.2.0/24', false],
    ['192.0.2.1', false],
    ['fd00::/8', false],
    ['2001:db8::1', false],
  ])('trusting %s is too wide: %s', async (network, tooWide) => {
    const { code, said } = await warnings({ ...good, ingress: { smtp: { trustedNetworks: [network] } } });
    expect(said).toEqual(tooWide ? ['unsafe ingress.smtp.trustedNetworks[0]'] : []);
    expect(code).toBe(tooWide ? 3 : 0);
  });

  it('a PROXY header is believed from too many', async () => {
    const { said } = await warnings({ ...good, ingress: { smtp: { proxyFrom: ['8.0.0.0/8'] } } });
    expect(said).toEqual(['unsafe ingress.smtp.proxyFrom[0]']);
  });
});

describe('credentials', () => {
  const token = (from?: readonly string[]): object => ({
    ...good,
    ingress: { http: { tokens: [{ name: 'app', sha256, ...(from === undefined ? {} : { from }) }] } },
  });
  it('tokens without addresses, or with all of them', async () => {
    for (const open of [token(), token([]), token(['*']), token(['*@*'])])
      expect((await warnings(open)).said).toEqual(['unsafe ingress.http.tokens[0].from']);
    expect((await warnings(token(['*@a.example']))).said).toEqual([]);
  });

  it.each([
    ['smtp.example.net:587', 'none', true],
    ['smtp.example.net:587', 'opportunistic', true],
    ['smtp.example.net:587', 'require', true],
    ['smtp.example.net:587', undefined, true],
    ['smtp.example.net:587', 'verify', false],
    ['smtp.example.net:465', undefined, false],
    ['smtp.example.net:465', 'implicit', false],
  ])('a login at %s with tls %s is unsafe: %s', async (host, tls, isUnsafe) => {
    const passwordFile = await secret('password');
    const hop = { auth: { user: 'u', passwordFile }, ...(tls === undefined ? {} : { tls }) };
    const { said } = await warnings({ ...good, nextHops: { [host]: hop } });
    expect(said).toEqual(isUnsafe ? [`unsafe nextHops."${host}".tls`] : []);
  });

  it('Redis: a password in the URL, no TLS and no password to another machine', async () => {
    const redis = async (settings: object): Promise<string[]> =>
      (await warnings({ ...good, redis: settings })).said;
    const passwordFile = await secret('password');
    expect(await redis({ url: 'redis://:geheim@127.0.0.1:6379' })).toEqual(['unsafe redis.url']);
    expect(await redis({ url: 'redis://10.0.0.5', passwordFile })).toEqual(['unsafe redis.url']);
    expect(await redis({ url: 'redis://10.0.0.5', passwordFile, tls: {} })).toEqual([]);
    expect(await redis({ url: 'redis://[::1]:6379' })).toEqual([]);
    expect(await redis({ ...remoteRedis })).toEqual(['unsafe redis.passwordFile']);
    const addresses = ['10.0.0.5:26379'];
    expect(await redis({ sentinel: { name: 'm', addresses }, passwordFile, replicasToWaitFor: 1 })).toEqual([
      'unsafe redis.tls',
    ]);
    expect(await redis({ cluster: { addresses }, passwordFile, tls: {}, replicasToWaitFor: 1 })).toEqual([]);
  });

  it('a password in the URL is not repeated by the check', async () => {
    const { output } = await check({ ...good, redis: { url: 'redis://user:geheim@127.0.0.1:6379' } });
    expect(output).toContain('redis://user:***@127.0.0.1:6379');
    expect(output).not.toContain('geheim');
  });

  it('the console: a digest without salt, and a proxy that may be anybody', async () => {
    const proxy = (...trustedAddresses: readonly string[]): object => ({
      console: { proxy: { trustedAddresses } },
    });
    expect((await warnings({ console: { login: { user: 'a', passwordSha256: sha256 } } })).said).toEqual([
      'unsafe console.login.passwordSha256',
    ]);
    expect((await warnings(proxy('10.0.0.0/16'))).said).toEqual(['unsafe console.proxy.trustedAddresses[0]']);
    expect((await warnings(proxy('127.0.0.1'))).said).toEqual(['note console.proxy.trustedAddresses[0]']);
    expect((await warnings(proxy('10.0.0.0/28'))).said).toEqual([]);
  });
});

describe('what becomes of mail', () => {
  const broken: Readonly<Record<string, object>> = {
    'bounced.keepSeconds': { bounced: { keepSeconds: 0 } },
    'dns.allowPrivate': { dns: { allowPrivate: true } },
    'delivery.verdicts': { delivery: { verdicts: 'any-4xx' } },
    'delivery.unknownOutcome': { delivery: { unknownOutcome: 'assume-delivered' } },
    'delivery.tls': { delivery: { tls: 'none' } },
    'redis.replicasToWaitFor': { redis: { cluster: { addresses: ['127.0.0.1:6379'] } } },
    'ingress.smtp.bareNewline': { ingress: { smtp: { bareNewline: 'normalise' } } },
    'ingress.smtp.userMessagesPerMinuteMax': {
      ingress: {
        smtp: {
          usersFile: 'users',
          userMessagesPerMinuteMax: 0,
          tls: { certificateFile: 'users', keyFile: 'users' },
        },
      },
    },
  };

  it('has an example here for each rule', () => {
    expect(Object.keys(broken)).toEqual(mailRulePaths());
  });

  it.each(Object.entries(broken))('%s', async (path, settings) => {
    await secret('users');
    expect(await warnings({ ...good, ...settings })).toEqual({ code: 3, said: [`unsafe ${path}`] });
  });
});

describe('files', () => {
  it('with a secret that everybody may read or change are unsafe, whatever setting names them', async () => {
    const passwordFile = await secret('open', 0o644);
    const named: Readonly<Record<string, object>> = {
      'redis.passwordFile': { ...good, redis: { passwordFile } },
      'console.login.passwordFile': { console: { login: { user: 'a', passwordFile } } },
      'console.users[0].passwordHashFile': {
        console: { users: [{ name: 'a', passwordHashFile: passwordFile }] },
      },
      'nextHops."h.example:465".auth.passwordFile': {
        ...good,
        nextHops: { 'h.example:465': { auth: { user: 'u', passwordFile } } },
      },
      'redis.tls.keyFile': { ...good, redis: { tls: { keyFile: passwordFile } } },
    };
    for (const [path, settings] of Object.entries(named))
      expect(await warnings(settings)).toEqual({ code: 3, said: [`unsafe ${path}`] });
    await chmod(passwordFile, 0o602);
    expect((await warnings(named['redis.passwordFile'] ?? {})).said).toEqual(['unsafe redis.passwordFile']);
    await chmod(passwordFile, 0o440);
    expect((await warnings(named['redis.passwordFile'] ?? {})).said).toEqual([]);
  });

  it('that are not there are told', async () => {
    const { output } = await check({ ...good, redis: { passwordFile: 'none' } });
    expect(output).toContain(
      `unsafe: redis.passwordFile: ${join(folder, 'none')} cannot be looked at: it does not exist.`,
    );
  });

  it('that everybody may change are unsafe: routes, and the settings themselves', async () => {
    const routesFile = await secret('routes', 0o666);
    await writeFile(routesFile, 'a.example 10.0.0.1\n');
    expect((await warnings({ ...good, routesFile })).said).toEqual(['unsafe routesFile']);
    const file = join(folder, 'open.yaml');
    await writeFile(file, JSON.stringify(good));
    await chmod(file, 0o666);
    expect((await call('config', 'check', '--config', file)).code).toBe(3);
  });

  it('of the embedded Redis are mail, and nobody else’s', async () => {
    const dataFolder = join(folder, 'data');
    expect((await warnings({ ...good, dataFolder })).said).toEqual([]);
    await mkdir(dataFolder);
    await chmod(dataFolder, 0o755);
    expect((await warnings({ ...good, dataFolder })).said).toEqual(['unsafe dataFolder']);
    await chmod(dataFolder, 0o700);
    expect((await warnings({ ...good, dataFolder })).said).toEqual([]);
  });
});
