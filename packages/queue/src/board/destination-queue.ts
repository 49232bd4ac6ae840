/** A destination's queue as a `Queue` object for bull-board; everything it does goes through `BoardBackend`. */
import { shardOf, type DestinationKey } from '@mailwheel/envelope';
import { createRedisBackend, Queue, type RedisQueueBackend } from 'bullmq';
import type { RedisClient } from '../connect.ts';
import { QueueUnavailable } from '../errors.ts';
import { shardPrefix } from '../keys.ts';
import { BoardBackend, type BoardHooks } from './board-backend.ts';

export interface BoardQueueOptions {
  /** From `connectRedis(..., 'console')`, ready. Its owner closes it. */
  readonly client: RedisClient;
  /** Default 1. */
  readonly shards?: number;
  readonly hooks: BoardHooks;
  readonly onError?: (error: unknown) => void;
}

export interface BoardQueues {
  /** Cheap: no connection, no timer. Drop it when the destination leaves the board. */
  queue(destination: DestinationKey): DestinationQueue;
  close(): Promise<void>;
}

/** Opens queue objects for a board over one connection. */
export async function createBoardQueues(options: BoardQueueOptions): Promise<BoardQueues> {
  const shards = options.shards ?? 1;
  const onError = options.onError ?? ((): void => undefined);
  const root = createRedisBackend('root', { connection: options.client, prefix: shardPrefix(0) } as never);
  root.on('error', onError);
  try {
    await root.waitUntilReady();
  } catch (error) {
    throw new QueueUnavailable('opening the board', error);
  }
  return {
    queue: (destination) => {
      const prefix = shardPrefix(shardOf(destination, shards));
      const queue = new DestinationQueue(
        root,
        { destination, prefix, client: options.client },
        options.hooks,
      );
      queue.on('error', onError);
      return queue;
    },
    close: () => root.close(),
  };
}

/**
 * Pause, resume, promote and retry work and are audited; remove deletes in our sense; everything else that would change the
 * queue is refused.
 */
export class DestinationQueue extends Queue {
  readonly #boardBackend: BoardBackend;

  constructor(
    root: RedisQueueBackend,
    place: { readonly destination: DestinationKey; readonly prefix: string; readonly client: RedisClient },
    hooks: BoardHooks,
  ) {
    const backend = new BoardBackend(root, place, hooks);
    // Without skipMetasUpdate opening the board would write meta hashes for queues that are empty.
    super(
      place.destination,
      { connection: place.client, prefix: place.prefix, skipMetasUpdate: true },
      () => backend,
    );
    this.#boardBackend = backend;
  }

  /** BullMQ would pause the queue before asking the backend. */
  override async obliterate(_options?: { readonly force?: boolean }): Promise<void> {
    throw this.#boardBackend.refuse('obliterate');
  }
}
