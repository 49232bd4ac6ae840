/**
 * Sends delivery status notifications: composed by `bounce`, accepted by the ordinary path, before the result they report
 * is recorded. Their ids derive from message, destination and attempt, so that a re-run adds nothing.
 */
import type { Acceptance, Acceptor, NewEnvelope } from '@mailwheel/accept';
import {
  composeReport,
  reportId,
  reportsWanted,
  type ComposedReport,
  type ReportRecipient,
  type ReportRequest,
} from '@mailwheel/bounce';
import { parseAddress, shardOf, type DestinationKey, type Envelope } from '@mailwheel/envelope';
import type { HeldJob } from '@mailwheel/queue';
import type { ReportDraft } from './decide.ts';

export interface ReportSettings {
  readonly hostname: string;
  readonly senderName: string;
  readonly wholeMessageBytesMax: number;
  /** Told of failures of messages with a null reverse-path; absent: nobody. */
  readonly postmasterCopy?: string;
  readonly shards: number;
}

export interface ReportDependencies {
  readonly acceptor: { readonly accept: Acceptor['accept'] };
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
  reportNotAccepted(
    original: Envelope,
    acceptance: Exclude<Acceptance, { kind: 'accepted' | 'conflict' }>,
  ): void;
}

export interface ReportSource {
  readonly job: HeldJob;
  readonly envelope: Envelope;
  readonly body: Buffer;
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

async function sendReport(
  deps: ReportDependencies,
  source: ReportSource,
  draft: ReportDraft,
): Promise<boolean> {
  const addressed = addressee(deps, source.envelope, draft);
  if (addressed.kind === 'nobody') {
    deps.watch.reportWithheld(source.envelope, draft, addressed.why);
    return true;
  }
  const { shards } = deps.settings;
  const messageId = reportId({
    job: source.job.id,
    attempt: source.job.attemptsMade + 1,
    kind: draft.why,
    recipients: addressed.recipients.map((recipient) => recipient.index),
    homeShard: shardOf(addressed.destination, shards),
  });
  const report = composeReport(
    {
      original: source.envelope,
      originalBody: source.body,
      recipients: addressed.recipients,
      hostReplies: source.hostReplies,
      why: draft.why,
      ...(draft.expiresAtMs === undefined ? {} : { expiresAtMs: draft.expiresAtMs }),
    },
    {
      messageId,
      hostname: deps.settings.hostname,
      reportingName: deps.settings.senderName,
      wholeMessageBytesMax: deps.settings.wholeMessageBytesMax,
      nowMs: deps.nowMs(),
      boundary: deps.boundary(),
      to: addressed.to,
    },
  );
  const acceptance = await deps.acceptor.accept({
    envelope: reportEnvelope(report, addressed.destination, source.envelope),
    body: report.body,
    messageId,
  });
  if (acceptance.kind === 'accepted') {
    if (!acceptance.repeated) deps.watch.reportSent(source.envelope, acceptance.messageNumber, draft);
    return true;
  }
  // A conflict needs an Idempotency-Key, which a report has none of.
  if (acceptance.kind !== 'conflict') deps.watch.reportNotAccepted(source.envelope, acceptance);
  return false;
}

type Addressee =
  | {
      readonly kind: 'somebody';
      readonly to: string;
      readonly destination: DestinationKey;
      readonly recipients: readonly ReportRecipient[];
    }
  | { readonly kind: 'nobody'; readonly why: 'null-reverse-path' | 'not-wanted' | 'unusable-reverse-path' };

/** The reverse-path and the recipients it wants to hear of; the postmaster, if he asked, where nobody else is left. */
function addressee(deps: ReportDependencies, original: Envelope, draft: ReportDraft): Addressee {
  const isFailure = draft.why === 'refused' || draft.why === 'expired';
  const { postmasterCopy } = deps.settings;
  // Never about a report of ours: the postmaster's own address may be what fails.
  if (
    original.reversePath === '' &&
    (postmasterCopy === undefined || !isFailure || original.bounceOf !== undefined)
  ) {
    return { kind: 'nobody', why: 'null-reverse-path' };
  }
  const recipients =
    original.reversePath === ''
      ? draft.recipients
      : reportsWanted(original, draft.why, draft.recipients, { delayUnasked: true });
  if (recipients.length === 0) return { kind: 'nobody', why: 'not-wanted' };
  const to = original.reversePath === '' ? (postmasterCopy ?? '') : original.reversePath;
  const parsed = parseAddress(to, { smtpUtf8: true });
  if (!parsed.ok) return { kind: 'nobody', why: 'unusable-reverse-path' };
  return { kind: 'somebody', to, destination: parsed.destination, recipients };
}

function reportEnvelope(
  report: ComposedReport,
  destination: DestinationKey,
  original: Envelope,
): NewEnvelope {
  return {
    reversePath: '',
    recipients: [{ index: 0, address: report.to, destination }],
    smtpUtf8: report.smtpUtf8,
    body: report.bodyType,
    priority: 'normal',
    origin: { protocol: 'bounce', clientAddress: '', connectionNumber: 0 },
    subject: report.subject,
    bounceOf: original.messageId,
  };
}
