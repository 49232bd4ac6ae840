/** Mailwheel as an operator starts it: each role a process of its own, settings at their defaults but for one limit, one Redis with fsync at every write. */
import { readFile, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePorts } from '../measure/free-port.ts';
import { start, untilReady, type Started } from '../measure/processes.ts';
import { startBenchRedis, type BenchRedis, type RedisClient } from '../measure/redis-server.ts';
import type { Running, Subject, Surroundings } from './subject.ts';

const program = fileURLToPath(new URL('../../../apps/cli/bin/mailwheel.mjs', import.meta.url));
const settleMsMax = 5000;
const connectionsPerAddressMax = 1000;

export interface MailwheelOptions {
  readonly workers: number;
  /** Merged over the settings at their first level. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Words for Node before the program, by role: `--cpu-prof`. */
  readonly nodeWords?: readonly string[];
}

export function mailwheel(options: MailwheelOptions): Subject {
  return {
    name: options.workers === 0 ? 'mailwheel, ingress alone' : `mailwheel, ${options.workers} worker(s)`,
    start: async (surroundings) => startMailwheel(options, surroundings),
  };
}

async function startMailwheel(options: MailwheelOptions, surroundings: Surroundings): Promise<Running> {
  const { folder, sinkPort } = surroundings;
  const [smtpPort = 0, httpPort = 0] = await freePorts(2);
  const redis = await startBenchRedis();
  const configPath = join(folder, 'mailwheel.yaml');
  const settings = {
    hostname: 'relay.test',
    redis: { url: redis.url },
    ingress: {
      listen: '127.0.0.1:0',
      smtp: {
        listen: `127.0.0.1:${smtpPort}`,
        trustedNetworks: ['127.0.0.0/8'],
        connectionsPerAddressMax, // the whole load comes from one address
      },
      http: { listen: `127.0.0.1:${httpPort}`, insecure: true },
    },
    worker: { listen: '127.0.0.1:0' },
    routes: `ALL 127.0.0.1:${sinkPort}`,
    ...options.settings,
  };
  await writeFile(configPath, stringify(settings));
  const roles: Started[] = [];
  try {
    const wanted = ['ingress', ...Array.from({ length: options.workers }, () => 'worker')];
    roles.push(...(await Promise.all(wanted.map((role, at) => startRole(role, { ...options, folder, at })))));
  } catch (cause) {
    await redis.stop();
    throw cause;
  }
  return {
    port: smtpPort,
    processes: [...roles, redis.process],
    redis,
    leftovers: () => leftovers(redis, roles),
    stop: async () => {
      await Promise.all(roles.map((role) => role.end()));
      await redis.stop();
    },
  };
}

async function startRole(
  role: string,
  how: { readonly folder: string; readonly at: number; readonly nodeWords?: readonly string[] },
): Promise<Started> {
  const words = [...(how.nodeWords ?? []), program, role, '--config', join(how.folder, 'mailwheel.yaml')];
  const started = await start(role, [process.execPath, ...words], {
    outputFile: join(how.folder, `${role}-${how.at}.log`),
    environment: { MAILWHEEL__log__format: 'json' },
  });
  await untilReady(
    started,
    () => readFileSync(started.outputFile, 'utf8').includes('"event":"ready"') || undefined,
  );
  return started;
}

/** After a run Redis holds tombstones and the tier's own keys; no queue, body, or destination in an index. */
async function leftovers(redis: BenchRedis, roles: readonly Started[]): Promise<string[]> {
  const endMs = performance.now() + settleMsMax;
  let keys: string[] = [];
  do {
    keys = await unexpectedKeys(redis.client);
    if (keys.length > 0) await sleep(100);
  } while (keys.length > 0 && performance.now() < endMs);
  const found =
    keys.length === 0 ? [] : [`Redis still holds ${keys.length} keys: ${keys.slice(0, 5).join(' ')}`];
  for (const role of roles) {
    const lines = (await readFile(role.outputFile, 'utf8')).split('\n');
    const bad = lines.filter((line) => /"level":"(error|warn)"/.test(line));
    if (bad.length > 0) found.push(`${role.name} wrote ${bad.length} warnings or errors: ${bad[0]}`);
  }
  return found;
}

/** What may stay: tombstones, a backlog counter of 0, and what belongs to the tier and not to a message. */
const allowed = [/^\{mw\d+\}:!msg:/, /^\{mw:[ht]\}/, /:\{mw:h\}/];

async function unexpectedKeys(client: RedisClient): Promise<string[]> {
  const found: string[] = [];
  let cursor = '0';
  do {
    const [next, keys] = await client.scan(cursor, 'COUNT', 5000);
    found.push(...keys.filter((key) => !allowed.some((pattern) => pattern.test(key))));
    cursor = next;
  } while (cursor !== '0');
  const checked = await Promise.all(
    found.map(async (key) => (key.endsWith(':!backlog') && (await client.get(key)) === '0' ? [] : [key])),
  );
  return checked.flat();
}
