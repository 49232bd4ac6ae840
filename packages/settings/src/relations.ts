/**
 * How limits relate. A limit alone may be sensible and still contradict another: a lock that ends before it is renewed, a
 * first wait above the longest. They are checked together at the start, not found out at night.
 */
import type { WrittenSettings } from './schema.ts';

export interface Relation {
  /** The setting to change. */
  readonly path: string;
  readonly message: string;
  readonly holds: (settings: WrittenSettings) => boolean;
}

/** Part of a lock in which its holder may be wrong about still having it; see the fence in `packages/queue`. */
const fenceSeconds = 2;

const lockRelations: readonly Relation[] = [
  {
    path: 'worker.lockSeconds',
    message: `must be above twice worker.lockRenewSeconds plus ${fenceSeconds}, so that one late renewal loses no job`,
    holds: ({ worker }) => worker.lockSeconds > 2 * worker.lockRenewSeconds + fenceSeconds,
  },
  {
    path: 'worker.stalledSeconds',
    message: 'must be at most worker.lockSeconds',
    holds: ({ worker }) => worker.stalledSeconds <= worker.lockSeconds,
  },
  {
    path: 'worker.streamsPerDestination',
    message: 'must be at most worker.streams',
    holds: ({ worker }) => worker.streamsPerDestination <= worker.streams,
  },
];

const attemptRelations: readonly Relation[] = (
  ['commandSeconds', 'dataSeconds', 'bodyBlockSeconds', 'finalReplySeconds'] as const
).map((name) => ({
  path: 'delivery.attemptSeconds',
  message: `must be above delivery.${name}`,
  holds: ({ delivery }) => delivery.attemptSeconds > delivery[name],
}));

const deliveryRelations: readonly Relation[] = [
  ...attemptRelations,
  {
    path: 'delivery.attemptSeconds',
    message: 'must be above delivery.connectSeconds and delivery.greetingSeconds together',
    holds: ({ delivery }) => delivery.attemptSeconds > delivery.connectSeconds + delivery.greetingSeconds,
  },
  {
    path: 'delivery.attemptSeconds',
    message: 'must be above dns.timeoutMs times dns.attempts',
    holds: ({ delivery, dns }) => delivery.attemptSeconds * 1000 > dns.timeoutMs * dns.attempts,
  },
  {
    path: 'delivery.initialConnections',
    message: 'must be at most delivery.connectionsPerHostMax',
    holds: ({ delivery }) => delivery.initialConnections <= delivery.connectionsPerHostMax,
  },
];

const patienceRelations: readonly Relation[] = [
  {
    path: 'retry.firstWaitSeconds',
    message: 'must be at most retry.longestWaitSeconds',
    holds: ({ retry }) => retry.firstWaitSeconds <= retry.longestWaitSeconds,
  },
  {
    path: 'retry.firstWaitSeconds',
    message: 'must be below retry.maxAgeSeconds, or nothing is ever tried twice',
    holds: ({ retry }) => retry.firstWaitSeconds < retry.maxAgeSeconds,
  },
  {
    path: 'hostHealth.firstRestSeconds',
    message: 'must be at most hostHealth.longestRestSeconds',
    holds: ({ hostHealth }) => hostHealth.firstRestSeconds <= hostHealth.longestRestSeconds,
  },
  {
    path: 'hostHealth.probeLeaseSeconds',
    message: 'must be at least delivery.connectSeconds, or a slow probe is given up while it connects',
    holds: ({ hostHealth, delivery }) => hostHealth.probeLeaseSeconds >= delivery.connectSeconds,
  },
  {
    path: 'bounce.delayWarningSeconds',
    message: 'must be below retry.maxAgeSeconds',
    holds: ({ bounce, retry }) => bounce.delayWarningSeconds < retry.maxAgeSeconds,
  },
];

const sizeRelations: readonly Relation[] = [
  ...(['ingress', 'worker'] as const).map((role) => ({
    path: `${role}.bodiesInFlightBytes`,
    message: 'must be at least ingress.smtp.messageBytesMax and ingress.http.bodyBytesMax',
    holds: ({ [role]: limits, ingress: { smtp, http } }: WrittenSettings) =>
      limits.bodiesInFlightBytes >= Math.max(smtp.messageBytesMax, http.bodyBytesMax),
  })),
  {
    path: 'ingress.smtp.destinationsMax',
    message: 'must be at most ingress.smtp.recipientsMax',
    holds: ({ ingress: { smtp } }) => smtp.destinationsMax <= smtp.recipientsMax,
  },
  {
    path: 'ingress.smtp.connectionsPerAddressMax',
    message: 'must be at most ingress.smtp.connectionsMax',
    holds: ({ ingress: { smtp } }) => smtp.connectionsPerAddressMax <= smtp.connectionsMax,
  },
];

const storeRelations: readonly Relation[] = [
  {
    path: 'redis.waitTimeoutMs',
    message: 'must be below redis.commandTimeoutMs',
    holds: ({ redis }) => redis.waitTimeoutMs < redis.commandTimeoutMs,
  },
  {
    path: 'store.stagedSecondsMax',
    message:
      'must be at least 4 times redis.commandTimeoutMs, or a message is revoked while it is still being written',
    holds: ({ store, redis }) => store.stagedSecondsMax * 1000 >= 4 * redis.commandTimeoutMs,
  },
];

const oneOfRelations: readonly Relation[] = [
  {
    path: 'routesFile',
    message: 'stands beside routes; give only one of the two',
    holds: ({ routes, routesFile }) => routes === undefined || routesFile === undefined,
  },
  {
    path: 'ingress.smtp.usersFile',
    message: 'needs ingress.smtp.tls: passwords are taken under TLS only',
    holds: ({ ingress: { smtp } }) => smtp.usersFile === undefined || smtp.tls !== undefined,
  },
  {
    path: 'ingress.smtps',
    message: 'needs ingress.smtp.tls: its certificate',
    holds: ({ ingress: { smtp, smtps } }) => smtps === undefined || smtp.tls !== undefined,
  },
  {
    path: 'ingress.http.tokens',
    message: 'two tokens have the same name',
    holds: ({ ingress: { http } }) =>
      new Set(http.tokens.map((token) => token.name)).size === http.tokens.length,
  },
  {
    path: 'console.users',
    message: 'two users have the same name (console.login is one of them)',
    holds: ({ console: { users, login } }) => {
      const names = [...users.map((user) => user.name), ...(login === undefined ? [] : [login.user])];
      return new Set(names).size === names.length;
    },
  },
];

export const relations: readonly Relation[] = [
  ...lockRelations,
  ...deliveryRelations,
  ...patienceRelations,
  ...sizeRelations,
  ...storeRelations,
  ...oneOfRelations,
];
