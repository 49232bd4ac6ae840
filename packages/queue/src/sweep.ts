/**
 * Finds queues by their `meta` hash, not by the index, and settles each: repairs what foreign hands did to the index, and
 * what a console left that died between act and touch.
 */
import type { DestinationKey } from '@mailwheel/envelope';
import type { Backends } from './backends.ts';
import { nodeOfKey } from './cluster-node.ts';
import type { DueIndex } from './due-index.ts';
import { QueueUnavailable } from './errors.ts';
import { shardPrefix } from './keys.ts';
import type { SweepPortion } from './types.ts';

/** Keys SCAN looks at per portion: well below a millisecond of Redis's thread. */
const keysPerPortion = 1_000;
const metaSuffix = ':meta';

export class Sweep {
  readonly #backends: Backends;
  readonly #dueIndex: DueIndex;

  constructor(backends: Backends, dueIndex: DueIndex) {
    this.#backends = backends;
    this.#dueIndex = dueIndex;
  }

  /** @param cursor `'0'`, or what the portion before gave. */
  async portion(shard: number, cursor: string): Promise<SweepPortion> {
    const prefix = `${shardPrefix(shard)}:`;
    let next: string;
    let keys: string[];
    try {
      // In a Cluster only the primary of the shard holds its keys. After a fail-over the cursor means nothing to the new
      // one: what that portion misses is found in the next round.
      const node = nodeOfKey(this.#backends.client, prefix);
      [next, keys] = await node.scan(cursor, 'MATCH', `${prefix}*${metaSuffix}`, 'COUNT', keysPerPortion);
    } catch (error) {
      throw new QueueUnavailable('sweeping', error);
    }
    const destinations = new Set(
      keys.map((key) => key.slice(prefix.length, -metaSuffix.length)).filter((name) => !name.includes(':')),
    );
    const repaired: DestinationKey[] = [];
    for (const destination of destinations as Set<DestinationKey>) {
      if ((await this.#dueIndex.inspect(destination)).repaired) repaired.push(destination);
    }
    return { cursor: next, examined: destinations.size, repaired };
  }
}
