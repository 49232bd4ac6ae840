/**
 * BullMQ's backends: one root over the shared connection, one sibling per destination (2.9 KB, no listener, no timer), kept
 * in a bounded cache. The root's options are everybody's: lock, no limit on stalls, no interval between stalled checks.
 */
import { shardOf, type DestinationKey } from '@mailwheel/envelope';
import { createRedisBackend, type RedisQueueBackend } from 'bullmq';
import type { ChainableCommander } from 'ioredis';
import { nodeOfKey, refreshSlots, shareScripts } from './cluster-node.ts';
import type { RedisClient } from './connect.ts';
import { leanMulti } from './lean-multi.ts';
import { dueKey, hintKey, parkedKey, restKey, shardPrefix } from './keys.ts';
import type { ResolvedOptions } from './options.ts';
import { defineScripts, letBullWorkOnFullRedis, type DueIndexCommands } from './scripts/define-scripts.ts';

/** Siblings kept. More destinations work; theirs are made again (5 microseconds). */
const siblingsMax = 2_000;
/** By default BullMQ fails a job after its second crash, asking nobody. Quarantine is ours to decide. */
const stalledCountUnlimited = 1_000_000_000;

/** BullMQ's client: runs its registered scripts by name. */
type BullClient = Awaited<RedisQueueBackend['client']>;
type BullTransaction = Parameters<RedisQueueBackend['addJobToTransaction']>[0];

/** A destination's queue: its backend and the keys around it. */
export interface DestinationBackend {
  readonly destination: DestinationKey;
  readonly shard: number;
  readonly backend: RedisQueueBackend;
  /** `{mw0}:example.com:`. */
  readonly base: string;
  readonly due: string;
  readonly rest: string;
  readonly hint: string;
  readonly parked: string;
}

export class Backends {
  readonly client: RedisClient & DueIndexCommands;
  readonly #root: RedisQueueBackend;
  readonly #bullClient: BullClient;
  readonly #shards: number;
  readonly #siblings = new Map<DestinationKey, DestinationBackend>();

  private constructor(
    client: RedisClient & DueIndexCommands,
    root: RedisQueueBackend,
    bullClient: BullClient,
    shards: number,
  ) {
    this.client = client;
    this.#root = root;
    this.#bullClient = bullClient;
    this.#shards = shards;
  }

  static async open(options: ResolvedOptions): Promise<Backends> {
    const client = defineScripts(options.client);
    const root = createRedisBackend('root', {
      connection: options.client,
      prefix: shardPrefix(0),
      lockDuration: options.lockMs,
      maxStalledCount: stalledCountUnlimited,
      // The settle script decides when a check is due; BullMQ's own pause between checks would only delay it.
      stalledInterval: 1,
      name: options.workerName,
      // Worker options ride in the queue options; siblings inherit them.
    } as never);
    root.on('error', options.onError);
    await root.waitUntilReady();
    const bullClient = await root.client;
    letBullWorkOnFullRedis(options.client, bullVersion(options.client));
    return new Backends(client, root, bullClient, options.shards);
  }

  /** The queue of a destination. */
  of(destination: DestinationKey): DestinationBackend {
    const known = this.#siblings.get(destination);
    if (known !== undefined) {
      // Oldest first in a Map: taking it out and in again makes the cache forget the least recently used one. Asked for five
      // times a message, so not while nothing is about to be forgotten.
      if (this.#siblings.size > siblingsMax / 2) {
        this.#siblings.delete(destination);
        this.#siblings.set(destination, known);
      }
      return known;
    }
    const shard = shardOf(destination, this.#shards);
    const made: DestinationBackend = {
      destination,
      shard,
      backend: this.#root.forQueue(destination, shardPrefix(shard)) as RedisQueueBackend,
      base: `${shardPrefix(shard)}:${destination}:`,
      due: dueKey(shard),
      rest: restKey(shard),
      hint: hintKey(shard),
      parked: parkedKey(shard, destination),
    };
    this.#siblings.set(destination, made);
    if (this.#siblings.size > siblingsMax) {
      const [oldest] = this.#siblings.keys();
      if (oldest !== undefined) this.#siblings.delete(oldest);
    }
    return made;
  }

  /** Runs one of BullMQ's scripts; the command is on the wire when this returns. */
  run(of: DestinationBackend, command: string, input: readonly unknown[]): Promise<unknown> {
    return of.backend.execCommand(this.#bullClient, command, [...input]) as Promise<unknown>;
  }

  /**
   * A plain ioredis MULTI that BullMQ can write to. BullMQ's own wrapper is not used: it replaces `hset` by one that takes
   * an object and would silently store a field per letter for callers that pass field and value.
   *
   * In a Cluster it is made on the connection to the shard's primary, so that a WAIT sent there covers it. A redirection
   * then refuses it whole; by itself ioredis would send it to another server, and the WAIT would vouch for nothing.
   * @throws Error when that primary is not connected: nothing was sent.
   */
  transaction(shard: number): ChainableCommander {
    const node = nodeOfKey(this.client, dueKey(shard));
    shareScripts(this.client, node);
    const multi = leanMulti(node);
    const commands = multi as unknown as Record<string, (input: unknown[]) => unknown>;
    const execute = multi.exec.bind(multi);
    return Object.assign(multi, {
      runCommand: (name: string, input: unknown[]): unknown => {
        commands[name]?.(input);
        return multi;
      },
      exec: async (): Promise<[Error | null, unknown][] | null> => {
        const replies = await execute().catch((cause: unknown) => {
          if ('nodes' in this.client) refreshSlots(this.client);
          throw cause;
        });
        // ioredis believes the script is loaded on this socket and would send EVALSHA for ever; a new socket heals it.
        if (replies?.some(([error]) => error?.message.startsWith('NOSCRIPT')) === true)
          this.client.disconnect(true);
        return replies;
      },
    }) as ChainableCommander;
  }

  /** Adds a job to a MULTI from `transaction`. */
  async addJob(
    multi: ChainableCommander,
    of: DestinationBackend,
    job: Parameters<RedisQueueBackend['addJobToTransaction']>[1],
  ): Promise<void> {
    await this.#root.addJobToTransaction(
      multi as unknown as BullTransaction,
      job,
      job.id,
      {},
      of.backend.keys,
    );
  }

  async close(): Promise<void> {
    // The connection is shared: this only takes BullMQ's listeners off.
    await this.#root.close();
  }
}

/** The version BullMQ puts into the names of its scripts; not exported, so it is read from what it registered. */
function bullVersion(client: RedisClient): string {
  const name = Object.keys(client.scriptsSet).find((registered) => registered.startsWith('moveToActive:'));
  if (name === undefined) throw new Error('BullMQ registered no scripts on this client');
  return name.slice('moveToActive:'.length);
}
