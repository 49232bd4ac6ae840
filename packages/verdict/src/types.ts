/** What a destination host's conduct means for the recipients, for the host, and for the rest of the attempt. */
import type { Phase } from '@mailwheel/envelope';

/** An SMTP reply, already shortened and escaped. */
export interface Reply {
  /** Basic code, 200..599. */
  readonly code: number;
  /** `4.3.1`, if present and of the class of the basic code (RFC 2034); else absent. */
  readonly enhancedCode?: string;
  /** All lines joined by a space, without the codes. */
  readonly text: string;
  /** The reply as one line as a person would quote it: `452 4.3.1 Insufficient system resources`. */
  readonly line: string;
}

/** What happened instead of a reply. */
export type Trouble =
  | 'refused' // ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ...
  | 'timeout'
  | 'lost' // EOF or reset
  | 'tls' // handshake or certificate
  | 'starttls-missing' // policy demands TLS, host does not offer it
  | 'starttls-failed' // policy opportunistic, STARTTLS refused or handshake failed
  | 'smtputf8-missing'
  | 'size-exceeded' // message above the host's SIZE
  | 'extension-missing'
  | 'out-of-step' // a reply that is none, or answers something not asked
  | 'auth-unavailable'
  | 'unknown';

/** One thing that went wrong, where, and in which circumstances the table distinguishes. */
export interface Happening {
  readonly phase: Phase;
  readonly cause:
    | { readonly kind: 'reply'; readonly reply: Reply }
    | { readonly kind: 'trouble'; readonly trouble: Trouble; readonly detail: string };
  /** The connection had carried an earlier transaction. */
  readonly reused: boolean;
  /** It answered the first command of this transaction (or the connection was found dead before it). */
  readonly firstCommand: boolean;
  /** At least one RCPT of this transaction had been accepted. */
  readonly rcptAccepted: boolean;
  /** The terminator `<CRLF>.<CRLF>` was handed to the socket. */
  readonly terminatorSent: boolean;
  /** The same-host retry that the table grants once was already used for this host in this attempt. */
  readonly sameHostRetried: boolean;
  /** EHLO was refused and HELO accepted in its place (row 4). Absent: HELO was refused too, or not tried. */
  readonly heloAccepted?: boolean;
  /** This transaction carries the rest that row 12 left over: if the host accepts none of it, that is a deferral. */
  readonly restTransaction?: boolean;
}

export type NextStep =
  | 'next-host'
  | 'same-host-fresh' // fresh connection, once; no retry spent
  | 'same-host-plain' // without TLS
  | 'same-host-rest' // a new transaction for the rest of the recipients at once
  | 'continue' // goes on without extensions
  | 'stop'; // no other host in this attempt

export type HostHealthEffect = 'fail' | 'soft' | 'none';

/** What becomes of the recipients concerned if no host is left (or at once when `next` is `stop`). */
export type RecipientFate = 'defer' | 'bounce' | 'unknown-outcome' | 'none';

export interface Verdict {
  /**
   * Row number of the table in docs/verdicts.md: names the rule in logs and tests. 1..19; 0: a reply that does not count
   * (DATA's own reply after every recipient was refused).
   */
  readonly row: number;
  readonly next: NextStep;
  readonly health: HostHealthEffect;
  readonly fate: RecipientFate;
  /** Status for a DSN when the reply carries none: `4.4.1`. */
  readonly enhancedCode: string;
  /** Use no pipelining on the fresh connection (row 16). */
  readonly withoutPipelining?: true;
  /** Next attempt not before this many seconds, asking the same host first (row 14). */
  readonly notBeforeSeconds?: number;
  /** The host answered, so a probe succeeded although this message was not delivered (rows 10, 13-15, 17). */
  readonly probeSucceeded: boolean;
  /** Counted under its own label (row 19). */
  readonly unclassified?: true;
}

export type VerdictPreset = 'scoped' | 'any-4xx';
