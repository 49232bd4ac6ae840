/**
 * Acceptance 15, `kill -9` of the embedded stack in mid-delivery, as a whole and of its parent alone: after the next start
 * everything answered 250 is delivered, no second Redis was ever on the folder, and second copies are those messages only
 * that were between terminator and record. What `up` does without mail under way is in 15-embedded-stack.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, waitFor } from '@mailwheel/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { HoldingHost, Traffic } from './copies.ts';

const program = fileURLToPath(new URL('../../apps/cli/bin/mailwheel.mjs', import.meta.url));

let folder: string;
let redisFolder: string;
let host: HoldingHost;
let ports: { readonly smtp: number; readonly http: number };
let ups: ChildProcess[] = [];
let census: RedisCensus;

interface Line {
  readonly event?: string;
  readonly adopted?: boolean;
  readonly processId?: number;
}

interface Up {
  readonly child: ChildProcess;
  readonly redis: { readonly adopted: boolean; readonly processId: number };
}

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'mailwheel-stack-')));
  redisFolder = join(folder, 'data', 'redis');
  host = await HoldingHost.start(40);
  ports = { smtp: await freePort(), http: await freePort() };
  census = new RedisCensus(redisFolder);
  await configure({});
});

afterEach(async () => {
  host.release();
  for (const child of ups) killGroup(child);
  ups = [];
  await census.end();
  for (const pid of await redisPids(redisFolder)) process.kill(pid, 'SIGKILL');
  await host.smtp.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function configure(worker: Readonly<Record<string, number>>): Promise<void> {
  const settings = {
    hostname: 'relay.test',
    dataFolder: './data',
    ingress: {
      listen: '127.0.0.1:0',
      smtp: { listen: `127.0.0.1:${ports.smtp}` },
      http: { listen: `127.0.0.1:${ports.http}`, insecure: true },
    },
    worker: { listen: '127.0.0.1:0', lockSeconds: 5, lockRenewSeconds: 0.5, stalledSeconds: 0.5, ...worker },
    console: { listen: `127.0.0.1:${await freePort()}` },
    routes: `ALL 127.0.0.1:${host.smtp.port}`,
    retry: { firstWaitSeconds: 1, longestWaitSeconds: 2, jitter: 0 },
    hostHealth: { firstRestSeconds: 1, longestRestSeconds: 2, aloneRestSeconds: 1 },
  };
  await writeFile(join(folder, 'mailwheel.yaml'), stringify(settings));
}

/** A group of its own, as a service manager gives it: `up` and the roles; Redis has another. */
async function up(): Promise<Up> {
  const child = spawn(process.execPath, [program, 'up', '--config', join(folder, 'mailwheel.yaml')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  ups.push(child);
  const lines: Line[] = [];
  let text = '';
  let rest = '';
  child.stderr.on('data', (chunk: Buffer) => (text = (text + chunk.toString()).slice(-20_000)));
  child.stdout.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-20_000);
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part.startsWith('{')) lines.push(JSON.parse(part) as Line);
  });
  await waitFor(
    'up to be ready',
    () => {
      if (child.exitCode !== null) throw new Error(`up ended with ${child.exitCode}:\n${text}`);
      return lines.some((line) => line.event === 'ready');
    },
    40_000,
  ).catch((cause: unknown) => {
    throw new Error(`up is not ready:\n${text}`, { cause });
  });
  const redis = lines.find((line) => line.event === 'redis-running');
  return { child, redis: { adopted: redis?.adopted === true, processId: redis?.processId ?? 0 } };
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch {
    // All of the group are gone.
  }
}

/** Server processes that work in the folder; children that one of them forked are not counted. */
async function redisPids(path: string): Promise<number[]> {
  const found = new Map<number, number>();
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    try {
      if ((await readlink(`/proc/${pid}/cwd`)) !== path) continue;
      const [, name, parent] = /\((.*)\) \S (\d+)/.exec(await readFile(`/proc/${pid}/stat`, 'utf8')) ?? [];
      if (name?.startsWith('redis') === true) found.set(pid, Number(parent));
    } catch {
      // It ended meanwhile, or is not ours to look at.
    }
  }
  return [...found].filter(([, parent]) => !found.has(parent)).map(([pid]) => pid);
}

/** Counts the servers on the folder all the time. */
class RedisCensus {
  most = 0;
  readonly pids = new Set<number>();
  #going = true;
  readonly #counting: Promise<void>;

  constructor(path: string) {
    this.#counting = this.#count(path);
  }

  async end(): Promise<void> {
    this.#going = false;
    await this.#counting;
  }

  async #count(path: string): Promise<void> {
    while (this.#going) {
      const pids = await redisPids(path);
      this.most = Math.max(this.most, pids.length);
      for (const pid of pids) this.pids.add(pid);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Of these messages, those without a recorded delivery; exact while the host holds. */
async function unrecorded(traffic: Traffic, subjects: readonly string[]): Promise<string[]> {
  const open: string[] = [];
  for (const subject of subjects) {
    const id = traffic.answered.get(subject);
    if (id === undefined) continue; // stored, but its client was not told: its own kind, below
    const answer = await fetch(`http://127.0.0.1:${ports.http}/v1/messages/${id}`);
    const status = (await answer.json()) as { recipients?: { state: string }[] };
    if (status.recipients?.[0]?.state !== 'delivered') open.push(subject);
  }
  return open;
}

async function flowing(): Promise<Traffic> {
  const traffic = new Traffic(ports.smtp, (index) => `user@d${index % 6}.example`);
  await waitFor('deliveries in full flow', () => host.subjects().length > 40 && host.heldFor() > 0, 30_000);
  return traffic;
}

async function allDelivered(traffic: Traffic): Promise<void> {
  const answered = [...traffic.answered.keys()];
  await waitFor(
    'everything answered 250 to be delivered',
    () => {
      const came = new Set(host.subjects());
      return answered.every((subject) => came.has(subject));
    },
    40_000,
  );
  await waitFor('all results', async () => (await unrecorded(traffic, answered)).length === 0, 40_000);
}

test.each([
  ['with its Redis', true],
  ['while its Redis goes on', false],
])(
  'the whole stack is killed in mid-delivery, %s',
  async (_which, withRedis) => {
    const first = await up();
    const traffic = await flowing();
    killGroup(first.child);
    if (withRedis) process.kill(first.redis.processId, 'SIGKILL');
    host.hold();
    await waitFor('what was sent to be read', () => host.openFor() === 0, 20_000);
    await traffic.stop();
    const sent = host.subjects();

    const second = await up();
    expect(second.redis.adopted).toBe(!withRedis);
    const between = await unrecorded(traffic, sent);
    const unanswered = sent.filter((subject) => !traffic.answered.has(subject));
    expect(between.length + unanswered.length).toBeGreaterThan(0);
    host.release();
    await allDelivered(traffic);
    // A message whose client got no answer may have been recorded or not: it may come twice, and no more often.
    const seconds = host.secondCopies();
    expect(seconds.filter((subject) => traffic.answered.has(subject))).toEqual(between.toSorted());
    for (const subject of seconds) expect([...between, ...unanswered]).toContain(subject);
    expect(new Set(seconds).size).toBe(seconds.length);
    await census.end();
    expect(census.most).toBe(1);
    expect([...census.pids]).toEqual(
      withRedis ? [first.redis.processId, second.redis.processId] : [first.redis.processId],
    );
  },
  90_000,
);

test('the parent alone is killed in mid-delivery: its worker finishes, Redis is adopted, nothing comes twice', async () => {
  const first = await up();
  const traffic = await flowing();
  host.hold();
  await waitFor('final replies to be waited for', () => host.heldFor() >= 3, 20_000);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  await traffic.stop();

  // The next one starts while the worker of the first still waits for its final replies.
  const second = await up();
  expect(second.redis).toEqual({ adopted: true, processId: first.redis.processId });
  expect(host.heldFor()).toBeGreaterThanOrEqual(3);
  host.release();
  await allDelivered(traffic);
  expect(host.secondCopies()).toEqual([]);
  await census.end();
  expect(census.most).toBe(1);
  expect([...census.pids]).toEqual([first.redis.processId]);
}, 90_000);

test('the parent alone is killed and the host is slower than worker.drainSeconds: what was held comes twice, nothing else', async () => {
  await configure({ drainSeconds: 0.5 });
  const first = await up();
  const traffic = await flowing();
  host.hold();
  await waitFor('final replies to be waited for', () => host.heldFor() >= 3, 20_000);
  first.child.kill('SIGKILL');
  await waitFor('its worker to give up', () => host.openFor() === 0, 30_000);
  await traffic.stop();
  const sent = host.subjects();

  const second = await up();
  expect(second.redis).toEqual({ adopted: true, processId: first.redis.processId });
  const between = await unrecorded(traffic, sent);
  expect(between.length).toBeGreaterThanOrEqual(3);
  host.release();
  await allDelivered(traffic);
  expect(host.secondCopies()).toEqual(between.toSorted());
  await census.end();
  expect(census.most).toBe(1);
}, 90_000);
