/** Waiting for work: a blocking pop of the shard's hints on connections of their own. A lost hint costs one time-out. */
import type { RedisClient } from './connect.ts';
import { hintKey } from './keys.ts';
import type { ResolvedOptions } from './options.ts';

/** Without a blocking connection the caller looks this often, milliseconds. */
const pollMs = 100;
/** Redis takes seconds with fractions; below this some versions block for ever. */
const blockSecondsMin = 0.01;

export class Hints {
  readonly #options: ResolvedOptions;
  /** One connection per shard: a blocking pop keeps its connection from everything else. */
  readonly #connections = new Map<number, RedisClient>();
  readonly #waits = new Set<() => void>();

  constructor(options: ResolvedOptions) {
    this.#options = options;
    if (options.blockingClient !== undefined) this.#connections.set(0, options.blockingClient);
  }

  /** Resolves after a hint, after `timeoutMs`, or at `close`. */
  async await(shard: number, timeoutMs: number): Promise<void> {
    const connection = this.#connection(shard);
    if (connection === undefined || connection.status !== 'ready')
      return this.#sleep(Math.min(timeoutMs, pollMs));
    try {
      await connection.bzpopmin(hintKey(shard), Math.max(timeoutMs / 1000, blockSecondsMin));
    } catch (error) {
      this.#options.onError(error);
      // At maxmemory, while reconnecting, after a fail-over: the caller goes on at the pace it asked for.
      await this.#sleep(Math.min(timeoutMs, pollMs));
    }
  }

  close(): void {
    for (const end of this.#waits) end();
    for (const [shard, connection] of this.#connections) if (shard !== 0) connection.disconnect();
    this.#connections.clear();
  }

  #connection(shard: number): RedisClient | undefined {
    const known = this.#connections.get(shard);
    if (known !== undefined || this.#options.blockingClient === undefined) return known;
    const made = duplicate(this.#options.blockingClient);
    made.on('error', this.#options.onError);
    this.#connections.set(shard, made);
    return made;
  }

  async #sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waits.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#waits.add(end);
    });
  }
}

function duplicate(client: RedisClient): RedisClient {
  return 'nodes' in client ? client.duplicate() : client.duplicate();
}
