/**
 * The store as every role uses it: one Redis connection with the destination queues, the spool, the acceptor, Redis's clock
 * and the log's numbers on it. Only apps use it; it is where ring-2 packages meet (see ARCHITECTURE.md, rings).
 */
import { randomBytes } from 'node:crypto';
import { createAcceptor, type Acceptor } from '@mailwheel/accept';
import {
  checkServer,
  connectRedis,
  createDestinationQueues,
  nodeOfKey,
  whenReady,
  type ConnectionPurpose,
  type DestinationQueues,
  type QueueOptions,
  type RedisClient,
} from '@mailwheel/queue';
import type { Settings } from '@mailwheel/settings';
import {
  createNumberBlocks,
  createRedisClock,
  createSpool,
  type NumberBlocks,
  type NumberSeries,
  type RedisClock,
  type Spool,
} from '@mailwheel/spool';
import { connectOptions } from './connect-options.ts';

/** Callbacks of the queue package, passed on: see its `QueueOptions`. */
export type StoreHooks = Pick<
  QueueOptions,
  'onOddity' | 'onRecovered' | 'onLockLost' | 'onForgotten' | 'onError'
>;

export interface OpenStoreOptions {
  readonly purpose: ConnectionPurpose;
  /** Unique in the tier; shown in the dashboard and in CLIENT LIST. */
  readonly name: string;
  /** A second connection that waits for hints: workers only. */
  readonly waitsForHints?: boolean;
  readonly hooks?: StoreHooks;
  /** How long to wait for Redis at the start. Default 60,000: a pod may start before its Redis. */
  readonly connectMsMax?: number;
}

export interface Store {
  readonly client: RedisClient;
  readonly queues: DestinationQueues;
  readonly spool: Spool;
  readonly acceptor: Acceptor;
  readonly clock: RedisClock;
  readonly maxmemoryBytes: number;
  numbers(series: NumberSeries): NumberBlocks;
  /** INFO of the server, or of every primary of a Cluster. */
  infos(section: string): Promise<readonly string[]>;
  /** Is the connection up now? */
  connected(): boolean;
  /** Ends intake of the acceptor, then closes queues and connections. */
  close(): Promise<void>;
}

/**
 * Connects, checks that the server may hold mail, and builds the store. Rejects with a sentence an operator can act on:
 * Redis is not reached, evicts, has no maxmemory, or holds mail for another number of shards.
 */
export async function openStore(settings: Settings, options: OpenStoreOptions): Promise<Store> {
  const connect = await connectOptions(settings.redis, options.name);
  const onError = (error: Error): void => options.hooks?.onError?.(error);
  const client = connectRedis(connect, options.purpose, onError);
  const blocking = options.waitsForHints === true ? connectRedis(connect, 'blocking', onError) : undefined;
  try {
    await whenReady(client, options.connectMsMax ?? 60_000);
    const check = await checkServer(client, { shards: settings.redis.shards });
    if (check.kind === 'unfit')
      throw new Error(`Redis cannot hold mail as it is set up:\n  ${check.problems.join('\n  ')}`);
    // In a Cluster one server's clock is everybody's: that of the tier's own keys.
    const clock = createRedisClock({ client: { time: async () => nodeOfKey(client, '{mw:t}').time() } });
    await clock.start();
    return await assemble(settings, options, {
      client,
      blocking,
      clock,
      maxmemoryBytes: check.maxmemoryBytes,
    });
  } catch (cause) {
    client.disconnect();
    blocking?.disconnect();
    throw cause;
  }
}

interface Connected {
  readonly client: RedisClient;
  readonly blocking: RedisClient | undefined;
  readonly clock: RedisClock;
  readonly maxmemoryBytes: number;
}

async function assemble(settings: Settings, options: OpenStoreOptions, connected: Connected): Promise<Store> {
  const { client, blocking, clock } = connected;
  const queues = await createDestinationQueues({
    client,
    ...(blocking === undefined ? {} : { blockingClient: blocking }),
    ...queueOptions(settings),
    nowMs: () => clock.nowMs(),
    workerName: options.name,
    ...options.hooks,
  });
  const spool = createSpool({
    client,
    tombstoneSeconds: settings.store.tombstoneSeconds,
    keepSeconds: settings.bounced.keepSeconds,
    ledgerEntriesMax: settings.store.ledgerEntriesMax,
  });
  const acceptor = acceptorOn(settings, { client, queues, spool, clock });
  return {
    client,
    queues,
    spool,
    acceptor,
    clock,
    maxmemoryBytes: connected.maxmemoryBytes,
    numbers: (series) => createNumberBlocks({ client, series }),
    infos: async (section) => infosOf(client, section),
    connected: () => client.status === 'ready',
    close: async () => {
      await acceptor.close();
      clock.close();
      await queues.close();
      client.disconnect();
      blocking?.disconnect();
    },
  };
}

function queueOptions(
  settings: Settings,
): Pick<QueueOptions, 'shards' | 'lockMs' | 'renewMs' | 'stalledMs' | 'concurrencyFor' | 'bounced'> {
  const { worker, destinations, bounced, redis } = settings;
  return {
    shards: redis.shards,
    lockMs: worker.lockSeconds * 1000,
    renewMs: worker.lockRenewSeconds * 1000,
    stalledMs: worker.stalledSeconds * 1000,
    bounced,
    concurrencyFor: (destination) => (destinations[destination] ?? destinations['default'])?.concurrencyMax,
  };
}

function acceptorOn(
  settings: Settings,
  on: { client: RedisClient; queues: DestinationQueues; spool: Spool; clock: RedisClock },
): Acceptor {
  const { client, queues, spool, clock } = on;
  const { redis, store } = settings;
  const shardNumbers = Array.from({ length: redis.shards }, (_, shard) => shard);
  return createAcceptor({
    queue: queues,
    spool,
    keys: client,
    numbers: createNumberBlocks({ client, series: 'mid' }),
    nowMs: () => clock.nowMs(),
    randomBytes: (count) => randomBytes(count),
    shards: redis.shards,
    ...(redis.replicasToWaitFor === 0
      ? {}
      : {
          replicas: {
            wanted: redis.replicasToWaitFor,
            timeoutMs: redis.waitTimeoutMs,
            // Where the shard's transactions go (`DestinationQueues.transaction`): WAIT vouches for its own connection.
            wait: async (shard: number, wanted: number, timeoutMs: number) =>
              nodeOfKey(client, shardKey(shard)).wait(wanted, timeoutMs),
          },
        }),
    admission: {
      info: async (section) => infosOf(client, section),
      backlog: async () => sum(await Promise.all(shardNumbers.map(async (shard) => spool.backlog(shard)))),
      connected: () => client.status === 'ready',
      highWaterPercent: store.highWaterPercent,
      backlogMessagesMax: store.backlogMessagesMax,
      replicasWanted: redis.replicasToWaitFor,
    },
    idempotencySeconds: store.idempotencySeconds,
  });
}

async function infosOf(client: RedisClient, section: string): Promise<string[]> {
  const nodes = 'nodes' in client ? client.nodes('master') : [client];
  return Promise.all(nodes.map(async (node) => node.info(section)));
}

/** A key of the shard's slot. */
function shardKey(shard: number): string {
  return `{mw${shard}}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
