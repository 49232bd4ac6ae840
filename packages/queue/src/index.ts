/**
 * Destination queues over BullMQ and the due index over them; connecting to Redis. The board's entry is
 * `@mailwheel/queue/board`.
 */
export type * from './types.ts';
export { nodeOfKey } from './cluster-node.ts';
export { checkServer, type ServerCheck, type ServerExpectation } from './check-server.ts';
export {
  connectRedis,
  whenReady,
  type ConnectionPurpose,
  type ConnectOptions,
  type HostAndPort,
  type RedisClient,
  type RedisTls,
} from './connect.ts';
export { createDestinationQueues } from './create-destination-queues.ts';
export {
  assertExec,
  OperationRefused,
  QueueUnavailable,
  TransactionFailed,
  type ExecReplies,
  type UnavailableReason,
} from './errors.ts';
export type { QueueOptions } from './options.ts';
