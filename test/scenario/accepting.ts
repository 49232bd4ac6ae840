/** Acceptor, spool and queue over one real Redis, composed as the ingress composes them. */
import { createAcceptor, type Acceptor, type AcceptorDeps } from '@mailwheel/accept';
import type { DestinationKey, FinalResult } from '@mailwheel/envelope';
import {
  connectRedis,
  createDestinationQueues,
  whenReady,
  type DestinationQueues,
  type RedisClient,
} from '@mailwheel/queue';
import { createNumberBlocks, createSpool, type Spool } from '@mailwheel/spool';
import type { TestRedis } from '@mailwheel/testkit';
import { randomBytes } from 'node:crypto';

export type Multi = Awaited<ReturnType<DestinationQueues['transaction']>>;
export type Submission = Parameters<Acceptor['accept']>[0];

export interface Accepting {
  readonly client: RedisClient;
  readonly queue: DestinationQueues;
  readonly spool: Spool;
  readonly acceptor: Acceptor;
  close(): Promise<void>;
}

export interface AcceptingOptions {
  readonly shards?: number;
  readonly keepSeconds?: number;
  readonly commandTimeoutMs?: number;
  readonly replicas?: { readonly wanted: number; readonly timeoutMs: number };
  /** Replaces some of what the acceptor is given. */
  readonly deps?: (made: AcceptorDeps<Multi>) => Partial<AcceptorDeps<Multi>>;
}

export async function startAccepting(redis: TestRedis, options: AcceptingOptions = {}): Promise<Accepting> {
  const shards = options.shards ?? 1;
  const client = connectRedis(
    { url: redis.url, commandTimeoutMs: options.commandTimeoutMs ?? 2000 },
    'producer',
    () => undefined,
  );
  await whenReady(client, 5000);
  const queue = await createDestinationQueues({ client, shards, workerName: 'accepting' });
  const spool = createSpool({ client, keepSeconds: options.keepSeconds ?? 0 });
  const { replicas } = options;
  const deps: AcceptorDeps<Multi> = {
    queue,
    spool,
    keys: client,
    numbers: createNumberBlocks({ client, series: 'mid' }),
    nowMs: () => Date.now(),
    randomBytes,
    shards,
    admission: {
      info: async (section) => [await client.info(section)],
      backlog: async () => spool.backlog(0),
    },
    ...(replicas !== undefined && {
      replicas: { ...replicas, wait: (_, wanted, timeoutMs) => client.wait(wanted, timeoutMs) },
    }),
  };
  const acceptor = createAcceptor<Multi>({ ...deps, ...options.deps?.(deps) });
  return {
    client,
    queue,
    spool,
    acceptor,
    async close() {
      await acceptor.close();
      await queue.close();
      client.disconnect();
    },
  };
}

export function submission(domains: readonly string[], body = 'Subject: hello\r\n\r\nhello\r\n'): Submission {
  return {
    envelope: {
      reversePath: 'sender@example.org',
      recipients: domains.map((domain, index) => ({
        index,
        address: `user@${domain}`,
        destination: domain as DestinationKey,
      })),
      smtpUtf8: false,
      body: '7BIT',
      priority: 'normal',
      origin: { protocol: 'smtp', clientAddress: '192.0.2.1', connectionNumber: 1 },
    },
    body: Buffer.from(body),
  };
}

/**
 * Does what a worker does, without the network: claims, takes, opens, delivers what is open, records, completes, settles.
 * Returns the addresses that were delivered to.
 */
export async function drain({ queue, spool }: Accepting, shards = 1): Promise<string[]> {
  const delivered: string[] = [];
  for (let shard = 0; shard < shards; shard++) {
    for (;;) {
      const claim = await queue.claim(shard, 100);
      for (const destination of claim.destinations) {
        let taken = await queue.take(destination);
        let took = false;
        while (taken.kind === 'job') {
          took = true;
          delivered.push(...(await deliver(spool, taken.job)));
          const moved = await queue.complete(taken.job, true);
          if (moved.kind === 'refused') throw new Error(`a move was refused: ${moved.code}`);
          taken = moved;
        }
        await queue.settle(destination, { took });
      }
      if (claim.destinations.length === 0) break;
    }
  }
  return delivered.toSorted();
}

async function deliver(
  spool: Spool,
  job: {
    readonly data: {
      readonly message: Parameters<Spool['open']>[0];
      readonly to: readonly (readonly [number, string])[];
    };
  },
): Promise<string[]> {
  const message = await spool.open(job.data.message);
  if (message?.state !== 'committed' || message.body === undefined) return [];
  const open = job.data.to.filter(([index]) => !message.results.has(index));
  const result: FinalResult = { state: 'delivered', atMs: Date.now() };
  await spool.record(job.data.message, {
    results: new Map(open.map(([index]) => [index, result])),
    ledger: [],
  });
  return open.map(([, address]) => address);
}
