/** Delivery status notifications: RFC 3464 in an RFC 6522 multipart/report; human-readable part first. */
import type { Envelope, FinalResult, MessageId } from '@mailwheel/envelope';

export type ReportAction = 'failed' | 'delayed' | 'relayed' | 'delivered' | 'expanded';

export interface ReportRecipient {
  readonly index: number;
  readonly action: ReportAction;
  /** Enhanced status code for the Status field. */
  readonly status: string;
  /** `smtp; 550 5.1.1 unknown user`; absent if no host said anything. */
  readonly diagnosticReply?: string;
  readonly remoteHost?: string;
  readonly lastAttemptMs?: number;
  readonly result?: FinalResult;
}

export interface ReportRequest {
  readonly original: Envelope;
  readonly originalBody: Buffer;
  readonly recipients: readonly ReportRecipient[];
  /** Every host's last reply, for the text part. */
  readonly hostReplies: readonly { readonly host: string; readonly reply: string; readonly atMs: number }[];
  readonly why: 'refused' | 'expired' | 'delayed' | 'relayed';
  readonly expiresAtMs?: number;
}

export interface ComposedReport {
  readonly messageId: MessageId;
  readonly to: string;
  readonly smtpUtf8: boolean;
  readonly body: Buffer;
}
