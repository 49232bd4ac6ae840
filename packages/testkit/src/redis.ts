/**
 * A real Redis for tests: its own process on a free loopback port, in a temporary folder, ended by process id. Never used
 * outside tests.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  readonly folder: string;
  readonly process: ChildProcess;
  /** A client of the caller's own; it is closed by `stop`. */
  client(): Redis;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

export interface TestRedisOptions {
  /** Arguments after the defaults: `['--maxmemory', '20mb']`. */
  readonly arguments?: readonly string[];
  readonly port?: number;
  /** Folder to keep (restart tests); absent: a temporary one that `stop` removes. */
  readonly folder?: string;
  /** Server program; absent: MAILWHEEL_TEST_REDIS or `redis-server` on the PATH. */
  readonly program?: string;
}

/** A port that was free a moment ago. Loopback only. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Starts a Redis as production configures it: append-only, noeviction, a maxmemory. */
export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'mailwheel-redis-')));
  const port = options.port ?? (await freePort());
  const program = options.program ?? process.env['MAILWHEEL_TEST_REDIS'] ?? 'redis-server';
  const child = spawn(
    program,
    [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
      '--appendonly',
      'yes',
      '--appendfsync',
      'everysec',
      '--maxmemory',
      '1gb',
      '--maxmemory-policy',
      'noeviction',
      ...(options.arguments ?? []),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await ready(child);
  const clients: Redis[] = [];
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    folder,
    process: child,
    client: () => {
      const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null });
      // A test that kills its server knows; its commands still fail.
      client.on('error', () => undefined);
      clients.push(client);
      return client;
    },
    stop: async () => {
      for (const client of clients) client.disconnect();
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ready(child: ChildProcess): Promise<void> {
  let output = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('Ready to accept connections')) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${output.slice(-400)}`)));
  });
  child.stdout?.removeAllListeners('data');
  child.stdout?.resume();
}
