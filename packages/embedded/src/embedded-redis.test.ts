import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startRedis, waitFor } from '@mailwheel/testkit';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  findRunningRedis,
  hasEmbeddedData,
  startEmbeddedRedis,
  type EmbeddedAddress,
  type EmbeddedRedis,
  type EmbeddedRedisEvent,
} from './embedded-redis.ts';

let dataFolder: string;
let cleanUp: (() => Promise<unknown> | void)[] = [];
let events: EmbeddedRedisEvent[] = [];

beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'mailwheel-embedded-'));
  cleanUp = [() => rm(dataFolder, { recursive: true, force: true })];
  events = [];
});

afterEach(async () => {
  for (const step of cleanUp.toReversed()) await step();
});

async function start(folder: string = dataFolder): Promise<EmbeddedRedis> {
  const redis = await startEmbeddedRedis({
    dataFolder: folder,
    path: process.env['PATH'] ?? '',
    report: (event) => events.push(event),
    maxmemoryBytes: 64_000_000,
    firstRestartMs: 50,
    longestRestartMs: 200,
  });
  cleanUp.push(() => redis.stop());
  return redis;
}

async function client(redis: EmbeddedAddress): Promise<Redis> {
  const password = (await readFile(redis.passwordFile, 'utf8')).trim();
  const connection = new Redis(redis.url, { password });
  connection.on('error', () => {});
  cleanUp.push(() => connection.disconnect());
  return connection;
}

async function config(connection: Redis, name: string): Promise<string | undefined> {
  return ((await connection.config('GET', name)) as string[])[1];
}

/** A process of its own that owns the folder, as `up` does. */
async function keeper(): Promise<{ child: ChildProcess; processId: number }> {
  const child = fork(new URL('../fixture/keep-redis.ts', import.meta.url), [
    dataFolder,
    process.env['PATH'] ?? '',
  ]);
  cleanUp.push(() => void child.kill('SIGKILL'));
  const [message] = (await once(child, 'message')) as [{ processId: number }];
  return { child, processId: message.processId };
}

async function killKeeper(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('runs as a store for mail must: append-only, every write synced, nothing evicted, limited, with a password', async () => {
  const redis = await start();
  const connection = await client(redis);
  expect(await config(connection, 'appendonly')).toBe('yes');
  expect(await config(connection, 'appendfsync')).toBe('always');
  expect(await config(connection, 'maxmemory-policy')).toBe('noeviction');
  expect(await config(connection, 'maxmemory')).toBe('64000000');
  expect(await config(connection, 'save')).toBe('');
  expect(await config(connection, 'bind')).toBe('127.0.0.1');
  const stranger = new Redis(redis.port, '127.0.0.1', { retryStrategy: () => null, lazyConnect: true });
  stranger.on('error', () => {});
  await expect(stranger.connect()).rejects.toThrow();
});

test('keeps the secret out of argv and readable by its owner only', async () => {
  const redis = await start();
  const password = (await readFile(redis.passwordFile, 'utf8')).trim();
  expect(password).toHaveLength(48);
  expect((await readFile(`/proc/${redis.processId()}/cmdline`, 'utf8')).includes(password)).toBe(false);
  for (const file of ['password', 'redis.conf']) {
    expect((await stat(join(redis.folder, file))).mode & 0o777, file).toBe(0o600);
  }
  expect((await stat(redis.folder)).mode & 0o777).toBe(0o700);
});

test('a stopped folder keeps its data and its port for the next start', async () => {
  const first = await start();
  await (await client(first)).set('mail', 'kept');
  await first.stop();
  expect(await findRunningRedis(dataFolder)).toBeUndefined();
  expect(await hasEmbeddedData(dataFolder)).toBe(true);
  const second = await start();
  expect(second.adopted).toBe(false);
  expect(second.port).toBe(first.port);
  expect(await (await client(second)).get('mail')).toBe('kept');
});

test('kill -9 of the owner leaves the server running, and the next owner adopts it', async () => {
  const { child, processId } = await keeper();
  await killKeeper(child);
  const next = await start();
  expect(next.adopted).toBe(true);
  expect(next.processId()).toBe(processId);
  expect(await config(await client(next), 'maxmemory')).toBe('64000000');
});

test('a living owner keeps every other away, also through another name of the folder', async () => {
  const { child } = await keeper();
  const alias = join(tmpdir(), `mailwheel-alias-${process.pid}`);
  await symlink(dataFolder, alias);
  cleanUp.push(() => rm(alias));
  for (const folder of [dataFolder, alias]) {
    await expect(start(folder)).rejects.toMatchObject({
      code: 'folder-in-use',
      message: expect.stringContaining(`process ${child.pid}`),
    });
  }
  expect(await findRunningRedis(dataFolder)).toMatchObject({
    url: expect.stringContaining('redis://127.0.0.1:'),
  });
  await killKeeper(child);
  await (await start()).stop();
});

test('a server that dies is started again on its port with everything it said OK to', async () => {
  const redis = await start();
  const connection = await client(redis);
  await connection.set('mail', 'kept');
  const before = redis.processId();
  process.kill(before, 'SIGKILL');
  await waitFor('a restart', () => events.filter((event) => event.kind === 'running').length === 2);
  expect(events.map((event) => event.kind)).toEqual(['running', 'lost', 'running']);
  expect(redis.processId()).not.toBe(before);
  expect(await connection.get('mail')).toBe('kept');
});

test('an adopted server that dies is started again too', async () => {
  const { child, processId } = await keeper();
  await killKeeper(child);
  const redis = await start();
  process.kill(processId, 'SIGKILL');
  await waitFor('a restart', () => events.some((event) => event.kind === 'running' && !event.adopted));
  expect(redis.processId()).not.toBe(processId);
});

test('waits longer from failure to failure while the server cannot start, and recovers', async () => {
  const redis = await start();
  const appendFolder = (await readdir(redis.folder)).find((name) => name.startsWith('appendonly')) ?? '';
  const manifest = join(redis.folder, appendFolder, 'appendonly.aof.manifest');
  const whole = await readFile(manifest);
  await writeFile(manifest, 'nonsense\n');
  process.kill(redis.processId(), 'SIGKILL');
  await waitFor(
    'three vain starts',
    () => events.filter((event) => event.kind === 'restart-failed').length >= 3,
  );
  const waits = events.flatMap((event) => ('restartInMs' in event ? [event.restartInMs] : []));
  expect(waits.slice(0, 4)).toEqual([50, 100, 200, 200]);
  await writeFile(manifest, whole);
  await waitFor('a restart', () => events.at(-1)?.kind === 'running');
});

test('does not start beside a server of the folder that lets nobody in', async () => {
  const redis = await start();
  const connection = await client(redis);
  await connection.config('SET', 'requirepass', 'changed by hand');
  const { lookForServer } = await import('./launch.ts');
  const { openRedisFolder } = await import('./folder.ts');
  const folder = await openRedisFolder(redis.folder);
  await expect(lookForServer(folder, 300)).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining(`process ${redis.processId()}`),
  });
  await connection.config('SET', 'requirepass', folder.password);
});

test('takes another port when a stranger has the kept one, whatever it speaks', async () => {
  const strangers = {
    'another Redis': async () => {
      const other = await startRedis();
      cleanUp.push(() => other.stop());
      return other.port;
    },
    'not a Redis': async () => {
      const port = await freePort();
      const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      cleanUp.push(() => void server.close());
      return port;
    },
  };
  for (const [who, occupy] of Object.entries(strangers)) {
    const first = await start();
    await first.stop();
    const port = await occupy();
    await writeFile(join(first.folder, 'port'), `${port}\n`);
    const second = await start();
    expect(second.port, who).not.toBe(port);
    await second.stop();
  }
});

test('reports why a server does not start', async () => {
  const first = await start();
  await first.stop();
  await writeFile(join(first.folder, 'appendonlydir', 'appendonly.aof.manifest'), 'nonsense\n');
  await expect(start()).rejects.toMatchObject({
    code: 'did-not-start',
    message: expect.stringMatching(/redis\.log says:[^]*manifest/),
  });
});
