import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findRedisServer, installAdvice } from './find-server.ts';
import { thirdOfMemoryBytes } from './memory.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailwheel-find-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(name: string, says: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, `#!/bin/sh\necho "${says}"\n`);
  await chmod(file, 0o755);
  return file;
}

test('takes the first redis-server of the PATH and knows its version', async () => {
  const file = await program(
    'redis-server',
    'Redis server v=8.2.1 sha=00000000:1 malloc=jemalloc-5.3.0 bits=64',
  );
  expect(await findRedisServer([join(folder, 'empty'), folder].join(delimiter))).toEqual({
    program: file,
    kind: 'redis',
    version: '8.2.1',
  });
});

test('passes over a server that is too old when a newer one is there', async () => {
  await program('redis-server', 'Redis server v=6.0.16 sha=00000000:0');
  await mkdir(join(folder, 'newer'));
  const newer = await program('newer/redis-server', 'Redis server v=7.2.4 sha=00000000:0');
  const path = [folder, join(folder, 'newer')].join(delimiter);
  expect((await findRedisServer(path))?.program).toBe(newer);
});

test('6.2 and Valkey will do, 6.0 will not', async () => {
  const { examine, isRecent } = await import('./find-server.ts');
  const judge = async (name: string, says: string): Promise<unknown> => {
    const found = await examine(await program(name, says));
    return found === undefined ? undefined : [found.kind, isRecent(found)];
  };
  expect(await judge('redis-server', 'Redis server v=6.2.0 sha=0')).toEqual(['redis', true]);
  expect(await judge('redis-server', 'Redis server v=6.0.20 sha=0')).toEqual(['redis', false]);
  expect(await judge('valkey-server', 'Valkey server v=8.0.1 sha=0')).toEqual(['valkey', true]);
  expect(await judge('redis-server', 'no version here')).toBeUndefined();
});

test('says how to install one', () => {
  expect(installAdvice('linux')).toContain('apt-get install redis-server');
  expect(installAdvice('darwin')).toContain('brew install redis');
});

test('a third of the memory means a third of the container when that is smaller', () => {
  expect(thirdOfMemoryBytes(9_000_000_000, 0)).toBe(3_000_000_000);
  expect(thirdOfMemoryBytes(9_000_000_000, 300_000_000)).toBe(100_000_000);
  expect(thirdOfMemoryBytes(9_000_000_000, 2 ** 63)).toBe(3_000_000_000);
});
