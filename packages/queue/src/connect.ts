/**
 * Connecting to Redis: the one place where an ioredis client is made. The purposes differ in what
 * bounds a command: a time-out, or for a wait the time it asked for.
 */
import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis';
import { refreshSlots } from './cluster-node.ts';
import { QueueUnavailable, withoutSecrets } from './errors.ts';
import { gatherWrites } from './gathered-writes.ts';

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** TLS material as values (PEM). Present: the connection is encrypted and the name is verified. */
export interface RedisTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
}

/** Exactly one of `url`, `sentinel`, `cluster` says where Redis is. */
export interface ConnectOptions {
  /** `redis://host:port/db` or `rediss://`. */
  readonly url?: string;
  readonly sentinel?: {
    readonly sentinels: readonly HostAndPort[];
    /** Name of the monitored master. */
    readonly name: string;
    readonly username?: string;
    readonly password?: string;
    readonly tls?: RedisTls;
  };
  readonly cluster?: { readonly nodes: readonly HostAndPort[] };
  /** ACL user; absent: the default user. */
  readonly username?: string;
  readonly password?: string;
  readonly tls?: RedisTls;
  /** Milliseconds for one command. Default 2000. */
  readonly commandTimeoutMs?: number;
  /** Milliseconds for one connection attempt. Default 5000. */
  readonly connectTimeoutMs?: number;
  /** Shown in CLIENT LIST. */
  readonly connectionName?: string;
}

export type ConnectionPurpose = 'producer' | 'worker' | 'console' | 'blocking';

export type RedisClient = Redis | Cluster;

/** Reply shapes stay ioredis' default: BullMQ expects strings and flat arrays. */
type BaseOptions = Omit<RedisOptions, 'replyMapping'>;

const commandTimeoutMsDefault = 2000;
const connectTimeoutMsDefault = 5000;
/** Longest wait between two connection attempts: an outage ends within a second of the server's return. */
const reconnectMsMax = 1000;
/** A Cluster client reads the table of slots again this often: a node that hangs redirects nobody. */
const slotsRefreshMs = 2000;
/** A blocking command may be this much longer under way than it asked for. */
const blockingGraceMs = 1000;

/**
 * Makes a client that reconnects for ever and never resends. Every purpose has the offline queue off: a command that cannot
 * leave now fails now (451 for a producer, a back-off for a worker), instead of being sent minutes later, after its caller
 * gave up; ioredis would do that even for commands that already timed out.
 *
 * `autoResendUnfulfilledCommands: false` for moves as for adds: a move that was on the wire when the connection broke may
 * have run. Sent again it would be refused (the lock is gone), but together with fetch-next it would first have locked a
 * job that nobody holds, and sent again it would lock another. So the caller sees "unknown" once and decides: complete
 * again (harmless), renew, or let the lock expire.
 *
 * `maxRetriesPerRequest: 0` has what is under way fail when the connection breaks; with `null` (which BullMQ asks for, for
 * connections of its own) ioredis would forget it, and only the command time-out would end the wait. `blocking` has no
 * command time-out but one derived from the command's own. Auto-pipelining is off: MULTI would overtake earlier commands.
 */
export function connectRedis(
  options: ConnectOptions,
  purpose: ConnectionPurpose,
  onError: (error: Error) => void,
): RedisClient {
  const places = [options.url, options.sentinel, options.cluster].filter((place) => place !== undefined);
  if (places.length !== 1) {
    throw new TypeError(
      'Redis needs exactly one of url, sentinel and cluster: set one and remove the others',
    );
  }
  const base = baseOptions(options, purpose);
  const client = makeClient(options, base);
  client.on('error', (error: Error) => onError(withoutSecrets(error)));
  if ('nodes' in client) keepNodesConnected(client);
  if (purpose !== 'blocking') gatherWrites(client);
  return client;
}

/**
 * ioredis connects a node of a Cluster at its first command and refuses the second as long as the first waits for the
 * connection; and it reads the table of slots again only when somebody redirects it. So primaries are connected as they are
 * learned, and a lost one has the table read again.
 */
function keepNodesConnected(client: Cluster): void {
  // Not before it is ready: its own check of the state needs a node that it may connect itself.
  client.on('ready', () => {
    for (const node of client.nodes('master')) connectNode(node);
  });
  client.on('+node', (node: Redis) => {
    if (client.status === 'ready' && node.options.readOnly !== true) connectNode(node);
  });
  client.on('-node', () => refreshSlots(client));
}

function connectNode(node: Redis): void {
  // What fails is told by the client's events.
  if (node.status === 'wait') node.connect().catch(() => undefined);
}

/**
 * Resolves when the client can take commands (a Cluster: every primary); rejects with `QueueUnavailable` after `timeoutMs`,
 * or at once when Redis refuses the user or the password: waiting would not help.
 */
export async function whenReady(client: RedisClient, timeoutMs: number): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  if (client.status !== 'ready') await firstReady(client, timeoutMs);
  if (!('nodes' in client)) return;
  await Promise.all(
    client.nodes('master').map(async (node) => {
      connectNode(node);
      if (node.status !== 'ready') await firstReady(node, Math.max(0, endMs - performance.now()));
    }),
  );
}

function firstReady(client: RedisClient, timeoutMs: number): Promise<void> {
  let lastError: unknown = new Error(`no connection within ${timeoutMs} ms`);
  return new Promise<void>((resolve, reject) => {
    const keep = (error: Error & { lastNodeError?: unknown }): void => {
      // A Cluster's own words say only that no node was of use.
      lastError = withoutSecrets(error.lastNodeError instanceof Error ? error.lastNodeError : error);
      if (accessRefused(lastError)) finish(() => reject(new QueueUnavailable(accessRefusedText, lastError)));
    };
    const finish = (then: () => void): void => {
      clearTimeout(timer);
      client.off('ready', ready);
      client.off('end', ended);
      client.off('error', keep);
      then();
    };
    const ready = (): void => finish(resolve);
    const ended = (): void => finish(() => reject(new QueueUnavailable('connecting to Redis', lastError)));
    const timer = setTimeout(ended, timeoutMs);
    client.on('ready', ready);
    client.on('end', ended);
    client.on('error', keep);
  });
}

const accessRefusedText =
  'Redis refuses this user or password; check redis.username and redis.passwordFile, and the ACL rule (docs/redis.md)';

function accessRefused(error: unknown): boolean {
  return error instanceof Error && /^(?:WRONGPASS|NOAUTH|NOPERM)/.test(error.message);
}

function baseOptions(options: ConnectOptions, purpose: ConnectionPurpose): BaseOptions {
  const commandTimeoutMs = options.commandTimeoutMs ?? commandTimeoutMsDefault;
  return {
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.tls === undefined ? {} : { tls: tlsOptions(options.tls) }),
    ...(options.connectionName === undefined ? {} : { connectionName: options.connectionName }),
    connectTimeout: options.connectTimeoutMs ?? connectTimeoutMsDefault,
    retryStrategy: reconnectWaitMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: false,
    maxRetriesPerRequest: 0,
    // After a fail-over a demoted master answers READONLY: drop the connection and find the new one.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    ...(purpose === 'blocking'
      ? { blockingTimeout: commandTimeoutMs, blockingTimeoutGrace: blockingGraceMs }
      : { commandTimeout: commandTimeoutMs }),
  };
}

function makeClient(options: ConnectOptions, base: BaseOptions): RedisClient {
  if (options.url !== undefined) return new Redis(options.url, base);
  if (options.cluster !== undefined) {
    const clusterOptions: Omit<ClusterOptions, 'redisOptions'> & { redisOptions: BaseOptions } = {
      redisOptions: base,
      enableOfflineQueue: false,
      enableAutoPipelining: false,
      scaleReads: 'master',
      clusterRetryStrategy: reconnectWaitMs,
      // By default ioredis sends again what was under way when a node's connection broke, up to 16 times.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      maxRedirections: 4,
      slotsRefreshInterval: slotsRefreshMs,
      // Certificates carry names; without this ioredis would connect to resolved addresses.
      ...(options.tls === undefined ? {} : { dnsLookup: (address, callback) => callback(null, address) }),
    };
    return new Cluster([...options.cluster.nodes], clusterOptions);
  }
  const sentinel = options.sentinel;
  if (sentinel === undefined) throw new TypeError('Redis needs a url, a sentinel or a cluster');
  return new Redis({
    ...base,
    sentinels: [...sentinel.sentinels],
    name: sentinel.name,
    sentinelRetryStrategy: reconnectWaitMs,
    // A primary that hangs keeps its connections: the Sentinels tell when another one took over.
    failoverDetector: true,
    ...(sentinel.username === undefined ? {} : { sentinelUsername: sentinel.username }),
    ...(sentinel.password === undefined ? {} : { sentinelPassword: sentinel.password }),
    ...(sentinel.tls === undefined
      ? {}
      : { sentinelTLS: tlsOptions(sentinel.tls), enableTLSForSentinelMode: true }),
  });
}

function tlsOptions(tls: RedisTls): NonNullable<RedisOptions['tls']> {
  return {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    minVersion: 'TLSv1.2',
  };
}

function reconnectWaitMs(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt - 1, 10), reconnectMsMax);
}
