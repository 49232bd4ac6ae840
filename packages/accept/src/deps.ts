/**
 * What the acceptor needs of the world, as narrow as it uses it. The ingress passes the queue, the spool and its producer
 * connection; a worker passes its own for the bounces it sends.
 */
import type { DestinationKey, Envelope, JobData, JobId, MessageId, Priority } from '@mailwheel/envelope';
import type { AdmissionOptions } from './admission.ts';

/** Replies of EXEC as ioredis gives them; null: a watched key changed (we watch none). */
export type ExecReplies = readonly (readonly [error: Error | null, reply: unknown])[] | null;

/** A MULTI that is being filled. */
export interface Transaction {
  /** Grows by one with every command. */
  readonly length: number;
  exec(): Promise<ExecReplies>;
}

/** A job as the queue adds it (`NewJob` of the queue package fits). */
export interface AcceptedJob {
  readonly id: JobId;
  readonly destination: DestinationKey;
  readonly data: JobData;
  readonly priority: Priority;
}

export interface QueueDeps<Multi extends Transaction> {
  transaction(shard: number): Promise<Multi>;
  addToTransaction(multi: Multi, job: AcceptedJob): Promise<void>;
  /** Deletes those of these jobs that were written in half: no list holds them, so they would bar their id for ever. */
  discardHalfWritten(jobs: readonly AcceptedJob[]): Promise<void>;
}

export interface SpoolDeps<Multi extends Transaction> {
  /** One reply of EXEC is then `record:created` or `record:<state>` of the record that was there and was left alone. */
  addToTransaction(multi: Multi, envelope: Envelope, body: Buffer, state: 'staged' | 'committed'): void;
  /** Compare-and-set. Revoking where no record is leaves a tombstone that bars a transaction still under way. */
  move(id: MessageId, to: 'committed' | 'revoked'): Promise<boolean>;
  remove(id: MessageId): Promise<boolean>;
  read(id: MessageId): Promise<{ readonly envelope: Envelope } | undefined>;
}

/** Commands for the idempotency keys; an ioredis client fits. */
export interface KeyClient {
  eval(script: string, numberOfKeys: number | string, ...parameters: (string | number)[]): Promise<unknown>;
}

export interface ReplicaDeps {
  /** Replicas that must have an accept before it is answered. Setting `redis.replicasToWaitFor`. */
  readonly wanted: number;
  /** Setting `redis.waitTimeoutMs`, default 500. */
  readonly timeoutMs: number;
  /** `WAIT wanted timeoutMs` on the connection that the shard's transactions use, on the wire before it returns. */
  wait(shard: number, wanted: number, timeoutMs: number): Promise<number>;
}

export interface AcceptorDeps<Multi extends Transaction> {
  readonly queue: QueueDeps<Multi>;
  readonly spool: SpoolDeps<Multi>;
  readonly keys: KeyClient;
  /** Small number of the message for the logs. */
  readonly numbers: { next(): Promise<number> };
  /** Redis's clock, milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** From a secure source. */
  readonly randomBytes: (count: number) => Uint8Array;
  readonly shards: number;
  /** Absent: no replica is waited for. */
  readonly replicas?: ReplicaDeps;
  readonly admission: AdmissionOptions;
  /** Redis forgot BullMQ's scripts (NOSCRIPT inside EXEC): only a new connection of this shard sends them again. */
  readonly scriptsLost?: (shard: number) => void;
  /** How long an Idempotency-Key is remembered. Setting `store.idempotencySeconds`, default 86,400. */
  readonly idempotencySeconds?: number;
  /** As the spool's and the queue's: absent, the default of `splitIntoJobs`. */
  readonly recipientsPerJobMax?: number;
  /** How long a caller waits for a message to be withdrawn whose commit is in doubt. Default 700 ms. */
  readonly withdrawMsMax?: number;
}
