/** The id of a report derives from what it reports: whoever runs the same attempt again composes the same report. */
import { createMessageId, type JobId, type MessageId } from '@mailwheel/envelope';
import { createHash } from 'node:crypto';
import type { ReportKind } from './types.ts';

export interface ReportedAttempt {
  /** Message and part: two parts for one destination make two reports. */
  readonly job: JobId;
  /** 1-based number of the attempt. */
  readonly attempt: number;
  readonly kind: ReportKind;
  /**
   * Indices of the recipients it speaks of. A second run of the attempt may meet other replies; then its report is another
   * one, for a recipient named twice is better than one never named.
   */
  readonly recipients: readonly number[];
  /** Shard of the destination that the report goes to. */
  readonly homeShard: number;
}

/** Same attempt, same id. 130 bits of SHA-256. */
export function reportId(attempt: ReportedAttempt): MessageId {
  const recipients = attempt.recipients.toSorted((a, b) => a - b);
  const digest = createHash('sha256')
    .update(JSON.stringify(['report', attempt.job, attempt.attempt, attempt.kind, recipients]))
    .digest();
  return createMessageId(digest, attempt.homeShard);
}
