/** Settings of the connection to Redis and of what is kept there. */
import { parseListen, type ListenAddress } from '../addresses.ts';
import {
  constrained,
  fraction,
  list,
  optional,
  parsedText,
  requiredSection,
  section,
  text,
  whole,
  type Field,
} from '../field.ts';
import { file, hostName, userName } from './paths.ts';

export interface RedisTlsSettings {
  readonly caFile?: string | undefined;
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly serverName?: string | undefined;
}

export interface RedisSentinelSettings {
  readonly name: string;
  readonly addresses: readonly ListenAddress[];
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
}

export interface RedisClusterSettings {
  readonly addresses: readonly ListenAddress[];
}

export interface RedisSettings {
  readonly url?: string | undefined;
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly tls?: RedisTlsSettings | undefined;
  readonly sentinel?: RedisSentinelSettings | undefined;
  readonly cluster?: RedisClusterSettings | undefined;
  readonly shards: number;
  readonly replicasToWaitFor: number;
  readonly waitTimeoutMs: number;
  readonly commandTimeoutMs: number;
}

export interface StoreSettings {
  readonly highWaterPercent: number;
  readonly backlogMessagesMax: number;
  readonly tombstoneSeconds: number;
  readonly idempotencySeconds: number;
  readonly ledgerEntriesMax: number;
  readonly stagedSecondsMax: number;
  readonly sweepSeconds: number;
}

const address: Field<ListenAddress> = parsedText({
  expects: 'host:port or [IPv6]:port',
  type: 'host:port',
  charactersMax: 300,
  parse: parseListen,
  says: 'Addresses asked first; the others are learned from them.',
});

const tls: Field<RedisTlsSettings> = requiredSection<RedisTlsSettings>(
  'TLS to Redis; present, even empty (`{}`), it turns TLS on.',
  {
    caFile: optional(file('Certificate authorities to trust (PEM); absent: those of the system.')),
    certificateFile: optional(file('Client certificate (PEM).')),
    keyFile: optional(file('Key of the client certificate (PEM).')),
    serverName: optional(
      hostName('Name the server certificate must carry; absent: the host of the address.'),
    ),
  },
);

const sentinel: Field<RedisSentinelSettings> = requiredSection<RedisSentinelSettings>(
  'Redis behind Sentinel, instead of `url`.',
  {
    name: text({
      expects: 'the name of the monitored master',
      type: 'text',
      accepts: (value) => value.length > 0,
      charactersMax: 100,
      says: 'Name under which the Sentinels know the master.',
    }),
    addresses: list(address, { entriesMax: 20 }),
    username: optional(userName('User at the Sentinels themselves.')),
    passwordFile: optional(file('File with the password for the Sentinels themselves.')),
  },
);

const cluster: Field<RedisClusterSettings> = requiredSection<RedisClusterSettings>(
  'A Redis Cluster, instead of `url`.',
  { addresses: list(address, { entriesMax: 100 }) },
);

const redisFields: Field<RedisSettings> = section<RedisSettings>(
  'Where messages and queues are kept. Without `url`, `sentinel` or `cluster`, `up` runs an embedded Redis.',
  {
    url: optional(
      text({
        expects: 'a URL such as redis://10.0.0.5:6379 or rediss://redis.example.net:6380/0',
        type: 'redis:// or rediss:// URL',
        accepts: (value) => /^rediss?:\/\/[^\s]+$/.test(value),
        charactersMax: 2048,
        says: 'Redis to use; prefer `passwordFile` to a password in the URL.',
        secret: true,
      }),
    ),
    username: optional(userName('Redis user (ACL).')),
    passwordFile: optional(file('File whose first line is the Redis password.')),
    tls: optional(tls),
    sentinel: optional(sentinel),
    cluster: optional(cluster),
    shards: whole({
      min: 1,
      max: 1024,
      initial: 1,
      unit: 'shards',
      says: 'Hash slots the destinations are spread over; written into Redis at the first start, afterwards another value refuses to start.',
    }),
    replicasToWaitFor: whole({
      min: 0,
      max: 10,
      initial: 0,
      unit: 'replicas',
      says: 'Replicas that must have acknowledged a message before it is answered 250 (WAIT).',
    }),
    waitTimeoutMs: whole({
      min: 10,
      max: 60_000,
      initial: 500,
      unit: 'milliseconds',
      says: 'How long to wait for those replicas; after it the client gets 451 4.3.0.',
    }),
    commandTimeoutMs: whole({
      min: 100,
      max: 60_000,
      initial: 2000,
      unit: 'milliseconds',
      says: 'A Redis command without an answer after this long counts as failed.',
    }),
  },
);

export const redis: Field<RedisSettings> = constrained(
  redisFields,
  (value) => [value.url, value.sentinel, value.cluster].filter((way) => way !== undefined).length <= 1,
  'only one of url, sentinel, cluster may be given; remove the others',
);

export const store: Field<StoreSettings> = section<StoreSettings>(
  'How much is kept in Redis, and how long.',
  {
    highWaterPercent: whole({
      min: 10,
      max: 95,
      initial: 80,
      unit: 'percent of maxmemory',
      says: 'From this share of Redis memory on, new mail gets 452 4.3.1; the rest belongs to delivery.',
    }),
    backlogMessagesMax: whole({
      min: 1,
      max: 1_000_000_000,
      initial: 10_000_000,
      unit: 'messages',
      says: 'Messages stored at a time; from there on new mail gets 452 4.3.1.',
    }),
    tombstoneSeconds: whole({
      min: 1,
      max: 2_592_000,
      initial: 900,
      unit: 'seconds',
      says: 'How long the result of a finished message can still be asked for; about 0.8 KB of Redis memory each (at 1,000 messages a second and 900 s: 0.7 GB).',
    }),
    idempotencySeconds: whole({
      min: 1,
      max: 2_592_000,
      initial: 86_400,
      unit: 'seconds',
      says: 'How long an Idempotency-Key is remembered.',
    }),
    ledgerEntriesMax: whole({
      min: 1,
      max: 10_000,
      initial: 200,
      unit: 'entries',
      says: 'Attempts remembered per message; the oldest are dropped first.',
    }),
    stagedSecondsMax: whole({
      min: 10,
      max: 3600,
      initial: 60,
      unit: 'seconds',
      says: 'A message over several shards that was not committed after this long is revoked.',
    }),
    sweepSeconds: fraction({
      min: 0.5,
      max: 3600,
      initial: 30,
      unit: 'seconds',
      says: 'Time in which the sweeper compares every record with every queue once.',
    }),
  },
);
