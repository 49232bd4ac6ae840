/**
 * Moving bytes to a destination host: pooled SMTP connections (nodemailer's SMTPConnection) and one transaction on one of
 * them. It decides nothing: it reports what happened, in the vocabulary of `verdict`.
 */
import type { LedgerEntry, Recipient } from '@mailwheel/envelope';
import type { Host } from '@mailwheel/routing';
import type { Happening, Reply } from '@mailwheel/verdict';

export interface TransactionRequest {
  readonly host: Host;
  readonly reversePath: string;
  readonly recipients: readonly Recipient[];
  readonly body: Buffer;
  readonly smtpUtf8: boolean;
  readonly bodyType: '7BIT' | '8BITMIME';
  readonly ret?: 'FULL' | 'HDRS';
  readonly envid?: string;
  /**
   * Asked right before the first byte of the body goes to the socket, and once more before the last block of a body of
   * several; false: the attempt is dropped, nothing accepted.
   */
  readonly fence: () => boolean | Promise<boolean>;
  /** Do not use a pooled connection. */
  readonly fresh: boolean;
  /** Do not try STARTTLS (row 3), no pipelining (row 16). */
  readonly plainText: boolean;
  readonly withoutPipelining: boolean;
  /** A moment by the delivery's monotonic clock: ends the attempt early, but never after the terminator is out. */
  readonly deadlineMs: number;
}

export interface TransactionReport {
  /** DCID; 0: no connection was made. */
  readonly connectionNumber: number;
  readonly reused: boolean;
  readonly tls?: { readonly protocol: string; readonly cipher: string; readonly verified: boolean };
  readonly localAddress?: string;
  /** The host took these: RCPT and the final reply were positive. */
  readonly accepted: readonly { readonly index: number; readonly reply: Reply }[];
  /** Refused one by one at RCPT. */
  readonly refused: readonly { readonly index: number; readonly happening: Happening }[];
  /** What ended the transaction for all recipients that are in neither list. Absent: nothing did. */
  readonly happening?: Happening;
  /** The fence refused: the host has nothing or a message without an end, drop the attempt. */
  readonly fenced: boolean;
  /** DSN extension offered: NOTIFY=SUCCESS was passed on; else a `relayed` DSN is ours to send. */
  readonly dsnPassedOn: boolean;
  readonly phase: LedgerEntry['phase'];
  readonly durationMs: number;
}

/** The pool tells the caller about connections; the caller takes and returns leases and writes logs. */
export interface ConnectionEvents {
  /** A new connection is about to be opened; false: the host is at its limit. */
  readonly mayOpen: (host: Host, connectionId: string) => Promise<boolean>;
  readonly opened: (event: {
    readonly host: Host;
    readonly connectionNumber: number;
    readonly localAddress: string;
  }) => void;
  /** Ends every lease that `mayOpen` granted. Number 0: `opened` was never told. */
  readonly closed: (event: {
    readonly host: Host;
    readonly connectionNumber: number;
    readonly connectionId: string;
  }) => void;
}

export interface Delivery {
  /** `busy`: no idle connection and none may be opened now. Never throws for what a host does. */
  transact(request: TransactionRequest): Promise<TransactionReport | { readonly kind: 'busy' }>;
  /** Hosts with an idle connection now. */
  warm(): ReadonlySet<string>;
  /** Resolves when a connection to one of these hosts becomes idle or closes, or after `timeoutMs`. */
  awaitIdle(hostKeys: readonly string[], timeoutMs: number): Promise<void>;
  held(): readonly { readonly host: Host; readonly connectionId: string }[];
  /** Closes idle connections with QUIT, lets running transactions finish. */
  close(): Promise<void>;
}
