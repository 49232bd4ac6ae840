/** Is this Redis fit to hold mail? Asked once at start; every refusal is a sentence that says what to change. */
import type { RedisClient } from './connect.ts';
import { QueueUnavailable } from './errors.ts';
import { shardsKey } from './keys.ts';

export interface ServerExpectation {
  /** Number of shards of this configuration; written into Redis at the first start. */
  readonly shards: number;
}

export type ServerCheck =
  | { readonly kind: 'fit'; readonly version: string; readonly maxmemoryBytes: number }
  | { readonly kind: 'unfit'; readonly problems: readonly string[] };

/** Sorted sets with LT (our due index) came with 6.2. */
const versionMin = [6, 2] as const;

/**
 * Refuses eviction (it would drop accepted mail), a missing maxmemory (the host's memory would end first), versions below
 * 6.2, and another number of shards than the one the stored mail was spread over. Cluster: every master is asked.
 */
export async function checkServer(client: RedisClient, expectation: ServerExpectation): Promise<ServerCheck> {
  const problems: string[] = [];
  let version = '';
  let maxmemoryBytes = 0;
  try {
    for (const info of await serverInfos(client)) {
      version = info.get('redis_version') ?? '0.0.0';
      maxmemoryBytes = Number(info.get('maxmemory') ?? 0);
      problems.push(...infoProblems(info, version, maxmemoryBytes));
    }
    // A full Redis refuses SET but must still be usable: only an absent key needs the write.
    let shards = await client.get(shardsKey);
    if (shards === null && problems.length === 0) {
      await client.setnx(shardsKey, String(expectation.shards));
      shards = await client.get(shardsKey);
    }
    if (shards !== null && Number(shards) !== expectation.shards) {
      problems.push(
        `This Redis was set up with redis.shards: ${shards}, the settings say ${expectation.shards}. Put ${shards} back; the number cannot change while mail is stored.`,
      );
    }
  } catch (error) {
    throw new QueueUnavailable('checking the Redis server', error);
  }
  return problems.length > 0
    ? { kind: 'unfit', problems: [...new Set(problems)] }
    : { kind: 'fit', version, maxmemoryBytes };
}

async function serverInfos(client: RedisClient): Promise<Map<string, string>[]> {
  const nodes = 'nodes' in client ? client.nodes('master') : [client];
  const texts = await Promise.all(nodes.map(async (node) => node.info()));
  return texts.map(
    (text) =>
      new Map(
        text
          .split(/\r?\n/)
          .filter((line) => line.includes(':'))
          .map((line): [string, string] => {
            const colon = line.indexOf(':');
            return [line.slice(0, colon), line.slice(colon + 1)];
          }),
      ),
  );
}

function infoProblems(info: Map<string, string>, version: string, maxmemoryBytes: number): string[] {
  const problems: string[] = [];
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  if (policy !== 'noeviction') {
    problems.push(
      `Redis evicts keys when it is full (maxmemory-policy ${policy}): accepted mail would be lost. Set maxmemory-policy to noeviction.`,
    );
  }
  if (maxmemoryBytes <= 0) {
    problems.push(
      'Redis has no maxmemory: it would grow until the system ends it. Set maxmemory to what the machine can spare.',
    );
  }
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < versionMin[0] || (major === versionMin[0] && minor < versionMin[1])) {
    problems.push(
      `Redis ${version} is too old. Mailwheel needs ${versionMin.join('.')} or later (or Valkey).`,
    );
  }
  return problems;
}
