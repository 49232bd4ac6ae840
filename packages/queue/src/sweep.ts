/**
 * Finds queues by their `meta` hash, not by the index, and settles each: repairs what foreign hands did to the index, and
 * what a console left that died between act and touch.
 */
import type { DestinationKey } from '@mailwheel/envelope';
import type { Backends } from './backends.ts';
import type { RedisClient } from './connect.ts';
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

  /** @param cursor `'0'`, or what the portion before gave: `<node>:<SCAN cursor>`. */
  async portion(shard: number, cursor: string): Promise<SweepPortion> {
    const nodes = scannedNodes(this.#backends.client);
    const [nodeText = '0', scanCursor = '0'] = cursor === '0' ? [] : cursor.split(':');
    const place = Number(nodeText);
    const node = nodes[place];
    if (node === undefined) return { cursor: '0', examined: 0, repaired: [] };
    const prefix = `${shardPrefix(shard)}:`;
    let next: string;
    let keys: string[];
    try {
      [next, keys] = await node.scan(scanCursor, 'MATCH', `${prefix}*${metaSuffix}`, 'COUNT', keysPerPortion);
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
    const last = next === '0' && place + 1 >= nodes.length;
    const following = next === '0' ? `${place + 1}:0` : `${place}:${next}`;
    return { cursor: last ? '0' : following, examined: destinations.size, repaired };
  }
}

/** SCAN asks one server; in a Cluster every master is asked in turn. */
function scannedNodes(client: RedisClient): Pick<RedisClient, 'scan'>[] {
  return 'nodes' in client ? client.nodes('master') : [client];
}
