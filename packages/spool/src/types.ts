/**
 * The message record: the truth about a message. Queues are an index over it. One hash per message on its home shard,
 * `{mw<shard>}:!msg:<id>`, and its body beside it, `{mw<shard>}:!body:<id>` (a key of its own, so that it can expire alone).
 */
import type { Envelope, FinalResult, JobId, LedgerEntry, MessageId } from '@mailwheel/envelope';
import type { ChainableCommander } from 'ioredis';

/**
 * Legal moves: staged -> committed | revoked; committed -> revoked (only before an attempt started) ; committed -> settled
 * (last recipient final; the record is a tombstone from then on).
 */
export type CommitState = 'staged' | 'committed' | 'revoked' | 'settled';

export interface MessageRecord {
  readonly envelope: Envelope;
  readonly state: CommitState;
  /** Final results by recipient index; absent: open. */
  readonly results: ReadonlyMap<number, FinalResult>;
}

/** What a worker needs for an attempt; `undefined` from `open`: no record (foreign or swept job). */
export interface OpenedMessage extends MessageRecord {
  readonly body: Buffer | undefined;
}

export interface RecordOutcome {
  /** Indices whose result was taken (no earlier final result stood). */
  readonly taken: readonly number[];
  /** Recipients without a final result now. */
  readonly open: number;
}

export interface Spool {
  /**
   * Adds body and record. One of the replies of EXEC is then `record:created`, or `record:<state>` if a record with this id
   * stood there: it and its body were left alone. `null` for the body beside `record:created`: a foreign body was there.
   */
  addToTransaction(
    multi: ChainableCommander,
    envelope: Envelope,
    body: Buffer,
    state: 'staged' | 'committed',
  ): void;
  /**
   * Compare-and-set; false: the record was in no state from which the move is legal. True if it is there already.
   * Revoking a message without a record leaves a tombstone, so that a transaction still under way creates nothing.
   */
  move(id: MessageId, to: 'committed' | 'revoked'): Promise<boolean>;
  /** Reads record and body, and marks that an attempt started (from then on `revoked` is impossible). */
  open(id: MessageId): Promise<OpenedMessage | undefined>;
  /** Final results and ledger of one attempt in one script. Idempotent, never guarded by a lock, works on a full Redis. */
  record(
    id: MessageId,
    entry: {
      readonly results: ReadonlyMap<number, FinalResult>;
      readonly ledger: readonly LedgerEntry[];
    },
  ): Promise<RecordOutcome>;
  read(id: MessageId): Promise<MessageRecord | undefined>;
  readBody(id: MessageId): Promise<Buffer | undefined>;
  ledger(id: MessageId): Promise<LedgerEntry[]>;
  /**
   * Reopens bounced, expired or quarantined recipients ("deliver again"). All or nothing: false, and nothing changed, when
   * the body is gone or one of them was delivered or deleted. The caller makes the jobs again.
   */
  reopen(id: MessageId, recipients: readonly number[]): Promise<boolean>;
  /** Deletes record, body and ledger (what an accept left that failed); false: there was no record. */
  remove(id: MessageId): Promise<boolean>;
  /** Messages of a shard with an open recipient. */
  backlog(shard: number): Promise<number>;
  /** Iterates all records of a shard in portions (sweeper, export, queue list). */
  scan(
    shard: number,
    cursor: string,
    count: number,
  ): Promise<{ readonly cursor: string; readonly ids: readonly MessageId[] }>;
  /** Jobs of one message as the record implies them: for the sweeper. */
  jobIds(envelope: Envelope): readonly JobId[];
}
