/**
 * The vocabulary that every package shares: what a message's envelope is, who its recipients are, what became of each of
 * them, and what one delivery attempt met. Values only; no behaviour.
 */

/** Our id of a message: `m`, two base-36 digits of its home shard, 26 base-32 characters (130 random bits). */
export type MessageId = string & { readonly __brand: 'MessageId' };

/** `<messageId>-<part>`; a part is the message for at most 100 recipients of one destination. Never digits only, never `:`. */
export type JobId = string & { readonly __brand: 'JobId' };

/**
 * Lower-case A-label without trailing dot, or an address literal with `:` written `_`. `[a-z0-9._\[\]-]`, at most 255
 * bytes. It names the BullMQ queue (BullMQ refuses `:` in names).
 */
export type DestinationKey = string & { readonly __brand: 'DestinationKey' };

/** RFC 3461 NOTIFY. Absent parameter: `undefined` on the recipient. */
export type NotifyCondition = 'NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY';

/** One forward-path, as the client gave it. `index` is its place in the envelope (0-based), the RID of the logs. */
export interface Recipient {
  readonly index: number;
  /** `local@domain` as it goes on the wire (never rewritten). */
  readonly address: string;
  readonly destination: DestinationKey;
  readonly notify?: readonly NotifyCondition[];
  /** RFC 3461 ORCPT, still xtext-encoded: `rfc822;user@example.com`. */
  readonly originalRecipient?: string;
}

export type Priority = 'high' | 'normal' | 'bulk';

/** Where a message came from; for logs and for who may read it. */
export interface Origin {
  readonly protocol: 'smtp' | 'http' | 'bounce' | 'import';
  readonly clientAddress: string;
  /** Name of the HTTP token or of the SMTP user; absent for trusted networks. */
  readonly principal?: string;
  /** Number of the incoming connection (ICID of the logs), 0 if there was none. */
  readonly connectionNumber: number;
}

export interface Envelope {
  readonly messageId: MessageId;
  /** Small integer for the logs (MID), unique within one Redis. */
  readonly messageNumber: number;
  /** Without angle brackets; `''` is the null reverse-path. */
  readonly reversePath: string;
  readonly recipients: readonly Recipient[];
  /** RFC 3461 RET and ENVID (ENVID still xtext-encoded). */
  readonly ret?: 'FULL' | 'HDRS';
  readonly envid?: string;
  readonly smtpUtf8: boolean;
  readonly body: '7BIT' | '8BITMIME';
  readonly bodyBytes: number;
  readonly priority: Priority;
  /** Milliseconds since the epoch by Redis's clock. */
  readonly acceptedAtMs: number;
  readonly origin: Origin;
  /** Header fields an operator recognises a message by; shortened, control characters escaped. */
  readonly subject?: string;
  readonly headerMessageId?: string;
  /** Set on a bounce: the message it reports on. */
  readonly bounceOf?: MessageId;
}

export type FinalState = 'delivered' | 'bounced' | 'expired' | 'deleted' | 'quarantined';

/** What became of one recipient. The first final result stands. */
export interface FinalResult {
  readonly state: FinalState;
  readonly atMs: number;
  /** Label of the host that answered, if one did: `10.0.0.1:25`. */
  readonly host?: string;
  /** The reply that decided, one line, shortened: `250 2.0.0 Ok: queued as 4F2`. */
  readonly reply?: string;
}

/** Where in the dialogue something happened. `final` is the reply after the terminator. */
export type Phase =
  | 'dns'
  | 'connect'
  | 'tls'
  | 'greeting'
  | 'ehlo'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'body'
  | 'final';

/** One line of the ledger: what one host said to one attempt. */
export interface LedgerEntry {
  readonly atMs: number;
  readonly jobId: JobId;
  /** 1-based number of the attempt of that job. */
  readonly attempt: number;
  readonly host: string;
  /** Number of the delivery connection (DCID); 0: no connection was made. */
  readonly connectionNumber: number;
  readonly phase: Phase;
  /** `delivered`, or what the verdict made of it. */
  readonly outcome: 'delivered' | 'deferred' | 'bounced' | 'next-host' | 'unknown-outcome';
  readonly recipients: readonly number[];
  readonly reply: string;
  readonly durationMs: number;
}

/**
 * Job data, as BullMQ stores it (JSON). The record in the spool is the truth; this is what the job needs to find it, what
 * the schedule must remember between attempts, and what a person sees in the dashboard.
 */
export interface JobData {
  /** Schema version of job data. */
  readonly v: 1;
  readonly message: MessageId;
  readonly from: string;
  /** Recipients still open when the job was written, `[index, address]`. */
  readonly to: readonly (readonly [number, string])[];
  readonly acceptedAtMs: number;
  readonly priority: Priority;
  /** Last reply of each host that was asked: host label -> reply (at most 20 hosts, each shortened). */
  readonly lastReplies?: Readonly<
    Record<string, { readonly reply: string; readonly atMs: number; readonly phase: Phase }>
  >;
  /** Host to ask first next time (greylisting, unknown outcome): its label. */
  readonly sameHostFirst?: string;
  /** How often the outcome of a transaction was unknown. */
  readonly unknownOutcomes?: number;
  /** Recipients of this job that bounced or expired in earlier attempts: the job ends `failed`, not `completed`. */
  readonly failedRecipients?: number;
  /** RFC 3461 DELAY notifications sent. */
  readonly delayNotices?: number;
}
