/**
 * Accepting a message: 250 (or 202) means durable. Composes record, jobs and due index into one MULTI per shard, commits
 * in groups, and never reports success unless every reply of every EXEC was checked.
 */
import type { Envelope, MessageId } from '@mailwheel/envelope';

/** An envelope before we gave it ids and a time. */
export type NewEnvelope = Omit<Envelope, 'messageId' | 'messageNumber' | 'acceptedAtMs' | 'bodyBytes'>;

export interface Submission {
  readonly envelope: NewEnvelope;
  /** Complete message as it will be relayed, our Received line included. */
  readonly body: Buffer;
  /**
   * The body under another id, asked for when an earlier try under the same Idempotency-Key has fixed one: the trace line in
   * it names the id. Absent: `body` serves under any.
   */
  readonly bodyUnder?: (id: MessageId) => Buffer;
  /** Scope and key of an Idempotency-Key, and a digest of the request it stands for. */
  readonly idempotency?: { readonly scope: string; readonly key: string; readonly digest: string };
  /** A fixed id (bounces derive theirs: a re-run adds nothing). */
  readonly messageId?: MessageId;
  /**
   * The fixed id was drawn for this submission (the trace line in its body names it) and nobody will send it again: while its
   * commit is in doubt the message may be taken back.
   */
  readonly freshId?: boolean;
}

export type Acceptance =
  | {
      readonly kind: 'accepted';
      readonly messageId: MessageId;
      readonly messageNumber: number;
      readonly repeated: boolean;
    }
  /** Same Idempotency-Key, another body. */
  | { readonly kind: 'conflict'; readonly messageId: MessageId }
  /** Nothing was stored. `full`: 452 4.3.1. `unavailable`: 451 4.3.0. */
  | { readonly kind: 'full'; readonly reason: string }
  | { readonly kind: 'unavailable'; readonly reason: string; readonly cause?: unknown }
  /** The store may or may not have it; answered 451 and counted `accept_unknown`. */
  | { readonly kind: 'unknown'; readonly reason: string; readonly cause?: unknown };

export interface Acceptor {
  /**
   * Stores a message. Does not ask `admission` (a bounce is stored also where new mail is refused); a Redis at its maxmemory
   * answers `full`. Rejects only for a fault of the program.
   */
  accept(submission: Submission): Promise<Acceptance>;
  /** Cheap check for the start of a transaction: is the store open for mail? */
  admission(): { readonly kind: 'open' } | { readonly kind: 'full' | 'unavailable'; readonly reason: string };
  /** Messages answered 451 whose fate is still being settled in the background. */
  doubtful(): number;
  /** Takes nothing more, waits for what is under way. */
  close(): Promise<void>;
}
