/** A primary, its replica and three Sentinels for tests: processes on free loopback ports, ended by process id. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, startRedis, type TestRedis } from './redis.ts';
import { waitFor } from './wait.ts';

export interface TestSentinel {
  /** Name of the monitored primary. */
  readonly name: string;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** The server that the Sentinels name now. */
  primary(): Promise<TestRedis>;
  /** Starts a server that was killed again, on its port and with its folder; the Sentinels make it a replica. */
  restart(server: TestRedis): Promise<void>;
  stop(): Promise<void>;
}

export interface TestSentinelOptions {
  /** Server program; absent: as `startRedis`. */
  readonly program?: string;
  /** After this long without an answer the primary counts as down. Default 1,000. */
  readonly downAfterMs?: number;
}

const name = 'mail';
const sentinelCount = 3;
/** The first full copy begins at once: by default a primary waits 5 s for more replicas. */
const quickReplication = ['--repl-diskless-sync-delay', '0'];

/** Resolves when every Sentinel knows the others and the replica is in step. */
export async function startSentinel(options: TestSentinelOptions = {}): Promise<TestSentinel> {
  const root = await mkdtemp(join(tmpdir(), 'mailwheel-sentinel-'));
  const program = options.program ?? process.env['MAILWHEEL_TEST_REDIS'] ?? 'redis-server';
  const start = async (port: number, more: readonly string[]): Promise<TestRedis> => {
    const folder = join(root, String(port));
    await mkdir(folder, { recursive: true });
    return startRedis({ program, port, folder, arguments: [...quickReplication, ...more] });
  };
  const first = await start(await freePort(), []);
  const servers = [first, await start(await freePort(), ['--replicaof', `127.0.0.1 ${first.port}`])];
  const watchers: ChildProcess[] = [];
  const ports: number[] = [];
  for (let count = 0; count < sentinelCount; count += 1) {
    const port = await freePort();
    ports.push(port);
    watchers.push(
      await startWatcher({
        root,
        program,
        port,
        primaryPort: first.port,
        downAfterMs: options.downAfterMs ?? 1000,
      }),
    );
  }
  const [firstPort = 0] = ports;
  const asking = new Redis(firstPort, '127.0.0.1', { maxRetriesPerRequest: null });
  asking.on('error', () => undefined);
  const stop = async (): Promise<void> => {
    asking.disconnect();
    for (const watcher of watchers) await end(watcher);
    for (const server of servers) await server.stop();
    await rm(root, { recursive: true, force: true });
  };
  try {
    await Promise.all(ports.map(inStep));
  } catch (cause) {
    await stop();
    throw cause;
  }
  return {
    name,
    sentinels: ports.map((port) => ({ host: '127.0.0.1', port })),
    primary: async () => {
      const place = (await asking.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)) as string[];
      const found = servers.find((server) => String(server.port) === place[1]);
      if (found === undefined) throw new Error(`the Sentinels name ${place.join(':')}`);
      return found;
    },
    restart: async (server) => {
      servers[servers.indexOf(server)] = await start(server.port, []);
    },
    stop,
  };
}

async function startWatcher(options: {
  readonly root: string;
  readonly program: string;
  readonly port: number;
  readonly primaryPort: number;
  readonly downAfterMs: number;
}): Promise<ChildProcess> {
  const file = join(options.root, `sentinel-${options.port}.conf`);
  const lines = [
    `port ${options.port}`,
    'bind 127.0.0.1',
    `dir ${options.root}`,
    `sentinel monitor ${name} 127.0.0.1 ${options.primaryPort} 2`,
    `sentinel down-after-milliseconds ${name} ${options.downAfterMs}`,
    `sentinel failover-timeout ${name} 5000`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  return spawn(options.program, [file, '--sentinel'], { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function inStep(port: number): Promise<void> {
  const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  try {
    await waitFor(
      'a Sentinel to know the replica and its peers',
      async () => {
        const flat = (await client.call('SENTINEL', 'MASTER', name)) as string[];
        const value = (field: string): string | undefined => flat[flat.indexOf(field) + 1];
        return value('num-slaves') === '1' && value('num-other-sentinels') === String(sentinelCount - 1);
      },
      20_000,
    );
  } finally {
    client.disconnect();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
