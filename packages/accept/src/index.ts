/**
 * Accepting: a submission becomes a stored message, its jobs and their places in the due index, all or nothing, and success is
 * said only when it is durable.
 */
export type * from './types.ts';
export { createAcceptor } from './create-acceptor.ts';
export type { AdmissionOptions } from './admission.ts';
export type {
  AcceptedJob,
  AcceptorDeps,
  ExecReplies,
  KeyClient,
  QueueDeps,
  ReplicaDeps,
  SpoolDeps,
  Transaction,
} from './deps.ts';
