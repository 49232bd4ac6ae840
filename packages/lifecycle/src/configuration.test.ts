import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfiguration, type Configuration, type ConfigurationRequest } from './configuration.ts';
import { readSecretFile } from './secret-file.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailwheel-configuration-'));
  file = join(folder, 'mailwheel.yaml');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function load(yaml: string, request: Partial<ConfigurationRequest> = {}): Promise<Configuration> {
  await writeFile(file, yaml);
  return loadConfiguration({ configPath: file, environment: {}, role: 'up', ...request });
}

function problems(configuration: Configuration): readonly string[] {
  return configuration.ok ? [] : configuration.problems;
}

test('without a file every setting has its default, and paths count from the working folder', async () => {
  const loaded = await loadConfiguration({ environment: {}, role: 'up' });
  expect(loaded.ok && loaded.settings.dataFolder).toBe(join(process.cwd(), 'data'));
  expect(loaded.ok && loaded.settings.hostname).not.toBe('');
});

test('relative paths count from the folder of the file, absolute ones stay', async () => {
  const loaded = await load(
    [
      'dataFolder: ./here',
      'routesFile: routes.txt',
      'redis: { url: "redis://127.0.0.1", passwordFile: /run/secrets/redis, tls: { caFile: ca.pem } }',
      'console: { login: { user: admin, passwordFile: console.txt }, users: [{ name: b, passwordHashFile: hash.txt }] }',
      'nextHops: { "relay.example.net:587": { auth: { user: u, passwordFile: relay.txt } } }',
      'delivery: { tlsCaFile: own-ca.pem }',
      'ingress: { smtp: { usersFile: users, tls: { certificateFile: cert.pem, keyFile: /run/key.pem } } }',
    ].join('\n'),
  );
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'));
  const { settings } = loaded;
  expect(settings.dataFolder).toBe(join(folder, 'here'));
  expect(settings.routesFile).toBe(join(folder, 'routes.txt'));
  expect(settings.redis.passwordFile).toBe('/run/secrets/redis');
  expect(settings.redis.tls?.caFile).toBe(join(folder, 'ca.pem'));
  expect(settings.redis.tls?.keyFile).toBeUndefined();
  expect(settings.console.login?.passwordFile).toBe(join(folder, 'console.txt'));
  expect(settings.console.users[0]?.passwordHashFile).toBe(join(folder, 'hash.txt'));
  expect(settings.nextHops['relay.example.net:587']?.auth?.passwordFile).toBe(join(folder, 'relay.txt'));
  expect(settings.delivery.tlsCaFile).toBe(join(folder, 'own-ca.pem'));
  expect(settings.ingress.smtp.usersFile).toBe(join(folder, 'users'));
  expect(settings.ingress.smtp.tls).toMatchObject({
    certificateFile: join(folder, 'cert.pem'),
    keyFile: '/run/key.pem',
    caFile: undefined,
  });
});

test('tells every mistake of file and environment, each with its place', async () => {
  const loaded = await load(
    'hostname: relay.example.net\nretry: { firstWaitSeconds: soon }\nconsole: { lissten: x }\n',
    {
      environment: { MAILWHEEL__WORKER__STREAMS: 'many', OTHER: 'x' },
    },
  );
  const sentences = problems(loaded);
  expect(sentences).toHaveLength(3);
  expect(sentences).toEqual(
    expect.arrayContaining([
      expect.stringMatching(new RegExp(`^${file}:2: retry\\.firstWaitSeconds: expected .*got "soon"$`)),
      expect.stringMatching(new RegExp(`^${file}:3: console\\.lissten: .*did you mean console\\.listen\\?$`)),
      expect.stringMatching(/^environment MAILWHEEL__WORKER__STREAMS: worker\.streams: expected /),
    ]),
  );
});

test('a file that cannot be read is one sentence', async () => {
  const loaded = await loadConfiguration({
    configPath: join(folder, 'none.yaml'),
    environment: {},
    role: 'up',
  });
  expect(problems(loaded)).toEqual([
    `${join(folder, 'none.yaml')}: the settings file cannot be read: it does not exist`,
  ]);
});

test('a role alone needs a Redis, up does not', async () => {
  expect(problems(await load('', { role: 'worker' }))).toEqual([expect.stringContaining('redis.url')]);
  expect((await load('', { role: 'up' })).ok).toBe(true);
});

test('an open listener without credentials stops the start, unless it is declared insecure', async () => {
  const open = 'redis: { url: "redis://127.0.0.1" }\nconsole: { listen: "0.0.0.0:3000", insecure: ';
  expect(problems(await load(`${open}false }`, { role: 'console' }))).toEqual([
    expect.stringMatching(/console\.listen: 0\.0\.0\.0:3000 is open to others: .*console\.login/),
  ]);
  const allowed = await load(`${open}true }`, { role: 'console' });
  expect(allowed.ok && allowed.warnings).toHaveLength(1);
  expect((await load(`${open}false }`, { role: 'worker' })).ok).toBe(true);
});

test('a secret is the first line of its file', async () => {
  const secret = join(folder, 'secret');
  await writeFile(secret, 'open sesame \r\nsecond line\n');
  expect(await readSecretFile('redis.passwordFile', secret)).toBe('open sesame ');
  await writeFile(secret, '\nlate\n');
  await expect(readSecretFile('redis.passwordFile', secret)).rejects.toThrow(
    `redis.passwordFile: the first line of ${secret} is empty`,
  );
  await expect(readSecretFile('redis.passwordFile', join(folder, 'none'))).rejects.toThrow(
    'it does not exist',
  );
});
