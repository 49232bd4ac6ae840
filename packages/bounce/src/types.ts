/** Delivery status notifications: RFC 3464 in an RFC 6522 multipart/report; human-readable part first. */
import type { Envelope, FinalResult, MessageId } from '@mailwheel/envelope';

export type ReportAction = 'failed' | 'delayed' | 'relayed' | 'delivered' | 'expanded';

export interface ReportRecipient {
  readonly index: number;
  readonly action: ReportAction;
  /** Enhanced status code for the Status field. */
  readonly status: string;
  /** What decided, one line: `550 5.1.1 unknown user` (or with its type, `smtp; 550 ...`); absent if no host said anything. */
  readonly diagnosticReply?: string;
  readonly remoteHost?: string;
  readonly lastAttemptMs?: number;
  readonly result?: FinalResult;
}

export type ReportKind = 'refused' | 'expired' | 'delayed' | 'relayed';

export interface ReportRequest {
  readonly original: Envelope;
  readonly originalBody: Buffer;
  readonly recipients: readonly ReportRecipient[];
  /** Every host's last reply, for the text part. */
  readonly hostReplies: readonly { readonly host: string; readonly reply: string; readonly atMs: number }[];
  readonly why: ReportKind;
  readonly expiresAtMs?: number;
}

export interface ReportOptions {
  /** From `reportId`. */
  readonly messageId: MessageId;
  /** Who reports: `Reporting-MTA`, and the domain of `MAILER-DAEMON`. */
  readonly hostname: string;
  /** Display name of the sender. Setting `bounce.senderName`, default `Mail Delivery System`. */
  readonly reportingName?: string;
  /** Larger messages are returned as headers only. Setting `bounce.wholeMessageBytesMax`, default 10,240. */
  readonly wholeMessageBytesMax: number;
  readonly nowMs: number;
  /** Random, 8 to 50 characters of `[A-Za-z0-9=_-]`: nobody can have written it into the message before. */
  readonly boundary: string;
  /** Instead of the reverse-path: the postmaster's copy of a report that has nobody else to go to. */
  readonly to?: string;
}

export interface ComposedReport {
  readonly messageId: MessageId;
  /** Forward-path of the report; its reverse-path is null. */
  readonly to: string;
  /** The report can only be sent with SMTPUTF8 (RFC 6531). */
  readonly smtpUtf8: boolean;
  readonly bodyType: '7BIT' | '8BITMIME';
  readonly subject: string;
  /** Whole message, CRLF line ends, no line above 998 octets. */
  readonly body: Buffer;
}
