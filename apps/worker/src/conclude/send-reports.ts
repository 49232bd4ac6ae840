/**
 * Sends delivery status notifications: composed by `bounce`, accepted by the ordinary path, before the result they report
 * is recorded. Their ids derive from message, destination and attempt, so that a re-run adds nothing.
 */
import type { Acceptance, Acceptor, NewEnvelope } from '@mailwheel/accept';
import { composeReport, reportsWanted, reportId, type ReportRequest } from '@mailwheel/bounce';
import { destinationOf, type Envelope, type MessageId } from '@mailwheel/envelope';
import type { HeldJob } from '@mailwheel/queue';
import type { ReportDraft } from './decide.ts';

export interface ReportSettings {
  readonly hostname: string;
  readonly reportingName: string;
  readonly wholeMessageBytesMax: number;
  readonly postmasterCopy: string;
  readonly shards: number;
}

export interface ReportDependencies {
  readonly acceptor: Pick<Acceptor, 'accept'>;
  readonly settings: ReportSettings;
  readonly nowMs: () => number;
  readonly boundary: () => string;
  readonly watch: ReportWatch;
}

export interface ReportWatch {
  reportSent(original: Envelope, reportNumber: number, draft: ReportDraft): void;
  reportWithheld(
    original: Envelope,
    draft: ReportDraft,
    why: 'null-reverse-path' | 'not-wanted' | 'unusable-reverse-path',
  ): void;
  reportFailed(original: Envelope, acceptance: Exclude<Acceptance, { kind: 'accepted' | 'conflict' }>): void;
}

export interface ReportSource {
  readonly job: HeldJob;
  readonly envelope: Envelope;
  readonly body: Buffer | undefined;
  readonly hostReplies: ReportRequest['hostReplies'];
}

/** True when every report that somebody wants is durable (or nobody wants one). False: try again later, record nothing. */
export async function sendReports(
  deps: ReportDependencies,
  source: ReportSource,
  drafts: readonly ReportDraft[],
): Promise<boolean> {
  for (const draft of drafts) {
    if (!(await sendReport(deps, source, draft))) return false;
  }
  return true;
}
