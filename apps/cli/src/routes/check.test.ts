import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { call } from '../../fixture/calls.ts';

let file: string;

beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'mailwheel-routes-')), 'smtproutes.txt');
});

afterEach(() => rm(join(file, '..'), { recursive: true, force: true }));

test('counts the routes of a good file', async () => {
  await writeFile(file, '# ours\nexample.com 10.0.0.1/pri=0, 10.0.0.2:2525\nALL USEDNS\n');
  expect(await call('routes', 'check', file)).toMatchObject({
    code: 0,
    output: `${file}: 2 routes, all good.\n`,
  });
});

test('tells every fault with line and column', async () => {
  await writeFile(file, 'example.com 10.0.0.1/pri=70000\n\nexample.net\n');
  const checked = await call('routes', 'check', file);
  expect(checked.code).toBe(1);
  expect(checked.errors).toMatch(/line 1, column \d+: .*\n.*line 3, column \d+: /);
});

test('a file that is not there is one sentence', async () => {
  await expect(call('routes', 'check', `${file}.none`)).rejects.toThrow(
    `${file}.none cannot be read: it does not exist`,
  );
});
