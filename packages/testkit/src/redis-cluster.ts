/** A Redis Cluster of three primaries with a replica each for tests: processes on free loopback ports, ended by process id. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, startRedis, type TestRedis } from './redis.ts';
import { waitFor } from './wait.ts';

export interface TestRedisCluster {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** The servers, in the order of `nodes`; `restart` puts another in a place. */
  servers(): readonly TestRedis[];
  /** The server that is primary of this key's slot now. */
  primaryOf(key: string): Promise<TestRedis>;
  /** Starts a server that was killed again, on its port and with its folder. */
  restart(server: TestRedis): Promise<void>;
  stop(): Promise<void>;
}

export interface TestRedisClusterOptions {
  /** Server program; absent: as `startRedis`. */
  readonly program?: string;
  /** Silence after which a node counts as failed. Default 1,500. */
  readonly nodeTimeoutMs?: number;
}

const primaries = 3;
const slots = 16_384;

interface Member {
  server: TestRedis;
  readonly port: number;
  readonly busPort: number;
}

/** Resolves when all slots are served and every replica is in step. */
export async function startRedisCluster(options: TestRedisClusterOptions = {}): Promise<TestRedisCluster> {
  const root = await mkdtemp(join(tmpdir(), 'mailwheel-cluster-'));
  const members: Member[] = [];
  const start = async (port: number, busPort: number): Promise<TestRedis> => {
    const folder = join(root, String(port));
    await mkdir(folder, { recursive: true });
    const place = ['--cluster-announce-ip', '127.0.0.1', '--cluster-port', String(busPort)];
    const pace = ['--cluster-node-timeout', String(options.nodeTimeoutMs ?? 1500)];
    return startRedis({
      ...(options.program === undefined ? {} : { program: options.program }),
      port,
      folder,
      arguments: ['--cluster-enabled', 'yes', ...place, ...pace, '--repl-diskless-sync-delay', '0'],
    });
  };
  const stop = async (): Promise<void> => {
    await Promise.all(members.map(({ server }) => server.stop()));
    await rm(root, { recursive: true, force: true });
  };
  try {
    for (let count = 0; count < primaries * 2; count += 1) {
      const [port, busPort] = [await freePort(), await freePort()];
      members.push({ port, busPort, server: await start(port, busPort) });
    }
    await formCluster(members);
  } catch (cause) {
    await stop();
    throw cause;
  }
  return {
    nodes: members.map(({ port }) => ({ host: '127.0.0.1', port })),
    servers: () => members.map(({ server }) => server),
    primaryOf: (key) => primaryOf(members, key),
    restart: async (server) => {
      const member = members.find(({ port }) => port === server.port);
      if (member === undefined) throw new Error(`${server.port} is none of this cluster's servers`);
      member.server = await start(member.port, member.busPort);
    },
    stop,
  };
}

async function formCluster(members: readonly Member[]): Promise<void> {
  const clients = members.map(({ server }) => server.client());
  const [first, ...others] = members;
  if (first === undefined) return;
  for (const [at, client] of clients.slice(0, primaries).entries()) {
    const from = Math.floor((at * slots) / primaries);
    const to = Math.floor(((at + 1) * slots) / primaries) - 1;
    await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
    // Different epochs from the start: two nodes with the same one would have to settle it first.
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
  }
  for (const { port, busPort } of others) {
    await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', port, busPort);
  }
  await waitFor('the nodes to know one another', () => everyone(clients, 'cluster_known_nodes:6'), 20_000);
  const ids = await Promise.all(
    clients.slice(0, primaries).map(async (client) => String(await client.call('CLUSTER', 'MYID'))),
  );
  for (const [at, client] of clients.slice(primaries).entries()) {
    await client.call('CLUSTER', 'REPLICATE', ids[at] ?? '');
  }
  await waitFor('the cluster to be up', () => everyone(clients, 'cluster_state:ok'), 20_000);
  await waitFor(
    'every replica to be in step',
    async () => {
      const infos = await Promise.all(
        clients.slice(0, primaries).map((client) => client.info('replication')),
      );
      return infos.every((info) => info.includes('state=online'));
    },
    20_000,
  );
  for (const client of clients) client.disconnect();
}

async function everyone(clients: readonly Redis[], line: string): Promise<boolean> {
  const texts = await Promise.all(clients.map((client) => client.cluster('INFO')));
  return texts.every((text) => String(text).includes(line));
}

type SlotRange = readonly [from: number, to: number, primary: readonly [host: string, port: number]];

async function primaryOf(members: readonly Member[], key: string): Promise<TestRedis> {
  for (const { server } of members) {
    if (server.process.exitCode !== null || server.process.signalCode !== null) continue;
    const client = new Redis(server.port, '127.0.0.1');
    try {
      const slot = Number(await client.call('CLUSTER', 'KEYSLOT', key));
      const ranges = (await client.call('CLUSTER', 'SLOTS')) as SlotRange[];
      const port = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1];
      const member = members.find((one) => one.port === port);
      if (member !== undefined) return member.server;
    } finally {
      client.disconnect();
    }
  }
  throw new Error(`nobody serves the slot of ${key}`);
}
