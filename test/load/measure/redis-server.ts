/** A Redis as the embedded one is configured (packages/embedded): append-only, fsync at every write, noeviction. */
import { connect, type Socket } from 'node:net';
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import { endOnInterrupt, type Watched } from './processes.ts';

export type RedisClient = ReturnType<TestRedis['client']>;

export interface BenchRedis {
  readonly url: string;
  readonly port: number;
  readonly process: Watched;
  readonly client: RedisClient;
  /** Counters since the last `reset`. */
  usage(): Promise<RedisUsage>;
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export interface RedisUsage {
  /** Commands Redis ran, those inside scripts included. */
  readonly commandsRun: number;
  /** Microseconds that commands took, fsync not included. */
  readonly commandMicroseconds: number;
}

const maxmemory = '4gb';

export async function startBenchRedis(): Promise<BenchRedis> {
  const durable = ['--appendfsync', 'always', '--databases', '1', '--maxmemory', maxmemory];
  const server = await startRedis({ arguments: durable });
  endOnInterrupt(server.process);
  const client = server.client();
  const { pid } = server.process;
  if (pid === undefined) throw new Error('redis-server did not start');
  let before = await read(client);
  return {
    url: server.url,
    port: server.port,
    process: { name: 'redis', processId: pid },
    client,
    usage: async () => {
      const now = await read(client);
      return {
        commandsRun: now.commandsRun - before.commandsRun,
        commandMicroseconds: now.commandMicroseconds - before.commandMicroseconds,
      };
    },
    reset: async () => {
      before = await read(client);
    },
    stop: () => server.stop(),
  };
}

async function read(client: RedisClient): Promise<RedisUsage> {
  const commands = await client.info('commandstats');
  let commandsRun = 0;
  let commandMicroseconds = 0;
  for (const [, name, calls, microseconds] of commands.matchAll(/^cmdstat_(\S+?):calls=(\d+),usec=(\d+)/gm)) {
    commandsRun += Number(calls);
    // A script's own time holds that of the commands in it; so does EXEC's.
    if (/^(eval|evalsha|exec)$/.test(name ?? '')) commandMicroseconds += Number(microseconds);
  }
  return { commandsRun, commandMicroseconds };
}

/** Commands as clients sent them: a script counts as one, what it calls is not seen. */
export interface Census {
  readonly total: number;
  /** By command; scripts under the first twelve characters of their hash, or their first line. */
  readonly byCommand: ReadonlyMap<string, number>;
  /** Lines of MONITOR, in order, those of scripts' insides left out. */
  readonly lines: readonly string[];
}

/** Listens with MONITOR until the returned function is called. Slows Redis down: never during a measurement. */
export async function census(port: number): Promise<() => Promise<Census>> {
  const socket = connect(port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', resolve);
  });
  const chunks: Buffer[] = [];
  const first = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      resolve();
    });
  });
  socket.write('MONITOR\r\n');
  await first;
  return async () => finish(socket, chunks);
}

async function finish(socket: Socket, chunks: readonly Buffer[]): Promise<Census> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  socket.destroy();
  const byCommand = new Map<string, number>();
  const lines: string[] = [];
  for (const line of Buffer.concat(chunks).toString('latin1').split('\r\n')) {
    const parsed = /^\+\d+\.\d+ \[\d+ (\S+?)\] "(\w+)"(?: "([^"]*))?/.exec(line);
    const [, source, name = '', argument = ''] = parsed ?? [];
    if (source === undefined || source === 'lua') continue;
    lines.push(line);
    const command = name.toLowerCase();
    const key = command === 'evalsha' ? `evalsha ${argument.slice(0, 12)}` : command;
    byCommand.set(key, (byCommand.get(key) ?? 0) + 1);
  }
  return { total: lines.length, byCommand, lines };
}
