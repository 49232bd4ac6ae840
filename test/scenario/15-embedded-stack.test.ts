/** Acceptance 15, the embedded stack: `mailwheel up` as a person starts it, with real roles and a real Redis, and deaths. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findRunningRedis } from '@mailwheel/embedded';
import { freePort, smtpSubmit, startSmtpHost, waitFor, type SmtpHost } from '@mailwheel/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../apps/cli/bin/mailwheel.mjs', import.meta.url));

interface Line {
  readonly event: string;
  readonly role?: string;
  readonly addresses?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly adopted?: boolean;
  readonly processId?: number;
}

interface Up {
  readonly child: ChildProcess;
  readonly lines: Line[];
  readonly ready: Line;
}

let folder: string;
let config: string;
let smtpPort: number;
let host: SmtpHost;
let started: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailwheel-up-'));
  config = join(folder, 'mailwheel.yaml');
  host = await startSmtpHost();
  const [http, worker, consolePort] = [await freePort(), await freePort(), await freePort()];
  smtpPort = await freePort();
  await writeFile(
    config,
    [
      'hostname: relay.test',
      'dataFolder: ./data',
      'ingress:',
      '  listen: "127.0.0.1:0"',
      `  smtp: { listen: "127.0.0.1:${smtpPort}" }`,
      `  http: { listen: "127.0.0.1:${http}" }`,
      `worker: { listen: "127.0.0.1:${worker}" }`,
      `console: { listen: "127.0.0.1:${consolePort}" }`,
      `routes: "example.com 127.0.0.1:${host.port}"`,
      'retry: { firstWaitSeconds: 1, longestWaitSeconds: 2, jitter: 0 }',
      'hostHealth: { firstRestSeconds: 1, longestRestSeconds: 2, aloneRestSeconds: 1 }',
    ].join('\n'),
  );
});

afterEach(async () => {
  for (const child of started) child.kill('SIGKILL');
  started = [];
  await host.stop();
  const redis = await redisProcess();
  if (redis !== undefined) process.kill(redis, 'SIGKILL');
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function up(): Promise<Up> {
  const child = spawn(process.execPath, [program, 'up', '--config', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  const lines: Line[] = [];
  let text = '';
  let rest = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part.startsWith('{')) lines.push(JSON.parse(part) as Line);
  });
  const ready = await waitFor(
    'up to be ready',
    () => {
      if (child.exitCode !== null) throw new Error(`up ended with ${child.exitCode}:\n${text}`);
      return lines.find((line) => line.event === 'ready');
    },
    30_000,
  );
  return { child, lines, ready };
}

async function submit(subject: string): Promise<void> {
  const { final } = await smtpSubmit({
    port: smtpPort,
    from: 'a@example.net',
    to: 'b@example.com',
    body: `Subject: ${subject}\r\n\r\nHello.\r\n`,
  });
  expect(final?.code).toBe(250);
}

function deliveredSubjects(): string[] {
  return host.delivered.map(({ body }) => /^Subject: (.*)\r$/m.exec(body.toString())?.[1] ?? '');
}

async function redisProcess(): Promise<number | undefined> {
  if ((await findRunningRedis(join(folder, 'data'))) === undefined) return undefined;
  return Number(await readFile(join(folder, 'data', 'redis', 'redis.pid'), 'utf8'));
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  child.kill(signal);
  await once(child, 'exit');
  return child.exitCode;
}

/** Processes of this tier, found as an operator finds them. */
async function rolePids(of: ChildProcess): Promise<number[]> {
  const children = await readFile(`/proc/${of.pid}/task/${of.pid}/children`, 'utf8');
  const pids = children.trim().split(' ').map(Number);
  const redis = await redisProcess();
  return pids.filter((pid) => pid !== redis);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('says ready once with every address, delivers, and stops in order with exit code 0', async () => {
  const { child, lines, ready } = await up();
  expect(ready.addresses?.['ingress']?.['smtp']).toBe(`127.0.0.1:${smtpPort}`);
  expect(Object.keys(ready.addresses ?? {}).toSorted()).toEqual(['console', 'ingress', 'worker']);
  for (const role of ['ingress', 'worker', 'console']) {
    const addresses = Object.values(ready.addresses?.[role] ?? {});
    expect(addresses.length, role).toBeGreaterThan(0);
    for (const address of addresses) expect(address, role).toMatch(/^127\.0\.0\.1:[1-9]/);
  }
  await submit('first');
  await waitFor('the delivery', () => host.delivered.length === 1);
  expect(await kill(child, 'SIGTERM')).toBe(0);
  const stops = lines
    .filter((line) => line.event === 'stopped' && line.role !== undefined)
    .map((line) => line.role);
  expect(stops).toEqual(['ingress', 'worker', 'console', 'up']);
  expect(lines.filter((line) => line.event === 'ready')).toHaveLength(1);
  expect(await findRunningRedis(join(folder, 'data'))).toBeUndefined();
});

test('kill -9 of up alone: the roles drain, Redis stays, the next up adopts it and nothing accepted is lost', async () => {
  await host.stop(); // nobody takes mail yet
  const first = await up();
  const roles = await rolePids(first.child);
  expect(roles).toHaveLength(3);
  const redis = await redisProcess();
  await submit('before the kill');
  await kill(first.child, 'SIGKILL');
  await waitFor('the roles to end', () => !roles.some(isAlive), 20_000);
  expect(await redisProcess()).toBe(redis);

  await host.restart();
  const second = await up();
  expect(second.lines.find((line) => line.event === 'redis-running')).toMatchObject({
    adopted: true,
    processId: redis,
  });
  await waitFor('the delivery', () => deliveredSubjects().length > 0, 15_000);
  expect(deliveredSubjects()).toEqual(['before the kill']);
  await submit('after it');
  await waitFor('the second delivery', () => deliveredSubjects().length === 2);
  expect(await kill(second.child, 'SIGTERM')).toBe(0);
}, 60_000);

test('kill -9 of everything, Redis included: the next up has all that was accepted', async () => {
  await host.stop();
  const first = await up();
  const victims = [...(await rolePids(first.child)), (await redisProcess()) ?? 0];
  expect(victims).toHaveLength(4);
  for (let count = 1; count <= 5; count += 1) await submit(`message ${count}`);
  first.child.kill('SIGKILL');
  for (const pid of victims) process.kill(pid, 'SIGKILL');
  await once(first.child, 'exit');

  await host.restart();
  const second = await up();
  expect(second.lines.find((line) => line.event === 'redis-running')?.adopted).toBe(false);
  await waitFor('the deliveries', () => deliveredSubjects().length >= 5, 20_000);
  expect(deliveredSubjects().toSorted()).toEqual([1, 2, 3, 4, 5].map((count) => `message ${count}`));
  expect(await kill(second.child, 'SIGTERM')).toBe(0);
}, 60_000);

test('a killed worker is started again, a killed Redis too, and mail goes on', async () => {
  const { child, lines } = await up();
  const [ingressPid, workerPid] = await rolePids(child);
  process.kill(workerPid ?? 0, 'SIGKILL');
  await waitFor(
    'the worker',
    () => lines.some((line) => line.event === 'role-restarted' && line.role === 'worker'),
    20_000,
  );
  process.kill((await redisProcess()) ?? 0, 'SIGKILL');
  await waitFor('Redis', () => lines.filter((line) => line.event === 'redis-running').length === 2, 20_000);
  await waitFor('the ingress to accept again', async () => (await trySubmit()) === 250, 20_000);
  await waitFor('the delivery', () => host.delivered.length === 1, 15_000);
  expect(isAlive(ingressPid ?? 0)).toBe(true);
  expect(await kill(child, 'SIGTERM')).toBe(0);
}, 60_000);

async function trySubmit(): Promise<number> {
  const { final, mail } = await smtpSubmit({ port: smtpPort, from: 'a@example.net', to: 'b@example.com' });
  return (final ?? mail).code;
}

test('a second up on the same data folder is refused, and leaves the first alone', async () => {
  const first = await up();
  await expect(up()).rejects.toThrow(
    new RegExp(`in use by another Mailwheel \\(process ${first.child.pid}\\)`),
  );
  await submit('still here');
  await waitFor('the delivery', () => host.delivered.length === 1);
  expect(await kill(first.child, 'SIGTERM')).toBe(0);
}, 60_000);
