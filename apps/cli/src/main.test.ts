import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commandTable, helpText } from './command-table.ts';
import { findCommand, readArguments, usage, UsageError } from './command.ts';

const program = fileURLToPath(new URL('../bin/mailwheel.mjs', import.meta.url));
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailwheel-cli-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

interface Run {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

async function run(...words: readonly string[]): Promise<Run> {
  const child = spawn(process.execPath, [program, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder,
  });
  const texts = { output: '', errors: '' };
  child.stdout.on('data', (chunk: Buffer) => (texts.output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (texts.errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...texts };
}

test('every command has a line in the help, and no two have the same words', () => {
  const text = helpText();
  for (const command of commandTable) expect(text).toContain(usage(command));
  expect(new Set(commandTable.map((command) => command.words.join(' '))).size).toBe(commandTable.length);
});

test('the longest words win, and what follows them is read as parameters and options', () => {
  const command = findCommand(commandTable, ['config', 'check', '--config', 'x.yaml']);
  if (command === undefined) throw new Error('config check is a command');
  expect(readArguments(command, ['--config', 'x.yaml'])).toMatchObject({
    options: { config: 'x.yaml' },
    values: [],
  });
  expect(() => readArguments(command, ['superfluous'])).toThrow(UsageError);
  expect(() => readArguments(command, ['--no-such-option'])).toThrow(
    /no-such-option[^]*mailwheel config check/,
  );
});

test('an unknown command is exit code 2 and says what there is', async () => {
  const wrong = await run('config', 'chekc');
  expect(wrong.code).toBe(2);
  expect(wrong.errors).toContain('There is no command "config chekc".\nmailwheel config check');
});

test('bad settings stop the start with file, line, path and what was expected', async () => {
  const file = join(folder, 'mailwheel.yaml');
  await writeFile(file, 'hostname: relay.example.net\nworker: { streams: many }\n');
  for (const words of [['config', 'check'], ['up'], ['worker']]) {
    const bad = await run(...words, '--config', file);
    expect(bad.code, words.join(' ')).toBe(1);
    expect(bad.errors).toMatch(/mailwheel\.yaml:2: worker\.streams: expected .*got "many"/);
    expect(bad.errors).not.toContain('    at ');
  }
});

test('config check reads the routes too, and tells what a start would open', async () => {
  const file = join(folder, 'mailwheel.yaml');
  await writeFile(file, 'routes: |\n  example.com 10.0.0.1\n  example.com 10.0.0.2\n');
  const bad = await run('config', 'check', '--config', file);
  expect([bad.code, bad.errors]).toEqual([
    1,
    expect.stringMatching(/line 2, column 1: example\.com has a route/),
  ]);
  await writeFile(file, 'routes: |\n  example.com 10.0.0.1\nconsole: { listen: "127.0.0.1:3999" }\n');
  const good = await run('config', 'check', '--config', file);
  expect(good.code).toBe(0);
  expect(good.output).toMatch(/console +127\.0\.0\.1:3999[^]*routes +1\n/);
});

test('a role alone without a Redis says which settings name one', async () => {
  const alone = await run('ingress');
  expect(alone.code).toBe(1);
  expect(alone.errors).toContain('redis.url');
});

test('tells its version as JSON', async () => {
  const version = await run('version', '--json');
  expect(JSON.parse(version.output)).toMatchObject({ mailwheel: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
});
