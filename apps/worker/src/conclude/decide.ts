/**
 * From an attempt's report to what is written down: final results, the job's move, and the reports (DSNs) that senders
 * get. Pure: clock and randomness are arguments.
 */
import type { Envelope, FinalResult, JobData, LedgerEntry } from '@mailwheel/envelope';
import type { ReportRecipient } from '@mailwheel/bounce';
import { nextRetry, type RetrySettings } from '@mailwheel/pacing';
import type { Deferral, HeldJob } from '@mailwheel/queue';
import type { Remark, RecipientBoard } from '../attempt/board.ts';
import { statusOf } from '../attempt/status.ts';

export type UnknownOutcomePolicy = 'retry' | 'hold' | 'assume-delivered';

export interface ConclusionSettings {
  readonly retry: RetrySettings;
  readonly unknownOutcome: UnknownOutcomePolicy;
  /** Senders are told of a delay after this long, and again after each further such time; 0: never. */
  readonly delayWarningSeconds: number;
  readonly delayWarningsMax: number;
  /** Hosts whose last reply a job remembers. */
  readonly lastRepliesMax: number;
}

export interface ConclusionInput {
  readonly job: HeldJob;
  readonly envelope: Envelope;
  readonly board: RecipientBoard;
  readonly lastReplies: ReadonlyMap<
    string,
    { readonly reply: string; readonly atMs: number; readonly phase: LedgerEntry['phase'] }
  >;
  /** Every host that could have been asked is out of reach: the job may be promoted when one comes back. */
  readonly hostsResting: boolean;
  readonly nowMs: number;
  readonly random: () => number;
}

export type JobMove =
  | { readonly kind: 'complete' }
  | { readonly kind: 'fail'; readonly reason: string; readonly data: JobData }
  | { readonly kind: 'defer'; readonly deferral: Deferral };

/** One DSN to send: its recipients share a kind. */
export interface ReportDraft {
  readonly why: 'refused' | 'expired' | 'relayed' | 'delayed';
  readonly recipients: readonly ReportRecipient[];
  /** When recipients that are only delayed will be given up. */
  readonly expiresAtMs?: number;
}

export interface Conclusion {
  readonly results: ReadonlyMap<number, FinalResult>;
  readonly move: JobMove;
  readonly reports: readonly ReportDraft[];
  /** Recipients that wait for another attempt, with the last thing said. */
  readonly deferred: ReadonlyMap<number, Remark | undefined>;
  readonly unknown: ReadonlyMap<number, Remark>;
}

export function conclude(settings: ConclusionSettings, input: ConclusionInput): Conclusion {
  const results = new Map<number, FinalResult>();
  const refused: ReportRecipient[] = [];
  for (const [index, final] of input.board.finals()) {
    results.set(index, final.result);
    if (final.result.state === 'bounced')
      refused.push(refusedRecipient(index, final.enhancedCode, final.result));
  }
  const held = new Map<number, Remark>();
  const deferred = new Map(input.board.deferred());
  for (const [index, remark] of input.board.unknown()) {
    if (settings.unknownOutcome === 'assume-delivered') {
      const reply = `250 2.0.0 outcome unknown, assumed delivered`;
      results.set(index, { state: 'delivered', atMs: remark.atMs, host: remark.host.label, reply });
    } else if (settings.unknownOutcome === 'hold') held.set(index, remark);
    else deferred.set(index, remark);
  }
  const waiting = deferred.size === 0 ? undefined : schedule(settings, input, deferred);
  const expired: ReportRecipient[] = [];
  if (waiting?.kind === 'expire') {
    for (const [index, remark] of deferred) expired.push(expire(results, input, index, remark));
    deferred.clear();
  }
  const reports: ReportDraft[] = [];
  if (refused.length > 0) reports.push({ why: 'refused', recipients: refused });
  if (expired.length > 0) reports.push({ why: 'expired', recipients: expired });
  const warning = deferred.size > 0 ? delayWarning(settings, input, deferred) : undefined;
  if (warning !== undefined) reports.push(warning);
  const delayMs = waiting?.kind === 'retry' ? waiting.delayMs : 0;
  const move = moveOf(settings, input, { results, deferred, held, delayMs, warned: warning !== undefined });
  return { results, move, reports, deferred, unknown: input.board.unknown() };
}

function refusedRecipient(index: number, status: string, result: FinalResult): ReportRecipient {
  return {
    index,
    action: 'failed',
    status,
    ...(result.reply === undefined ? {} : { diagnosticReply: result.reply }),
    ...(result.host === undefined ? {} : { remoteHost: result.host }),
    lastAttemptMs: result.atMs,
    result,
  };
}

function schedule(
  settings: ConclusionSettings,
  input: ConclusionInput,
  deferred: ReadonlyMap<number, Remark | undefined>,
): ReturnType<typeof nextRetry> {
  let notBeforeSeconds: number | undefined;
  for (const remark of deferred.values()) {
    const asked = remark?.verdict.notBeforeSeconds;
    if (asked !== undefined) notBeforeSeconds = Math.max(notBeforeSeconds ?? 0, asked);
  }
  return nextRetry(settings.retry, {
    attempt: input.job.attemptsMade + 1,
    ageMs: Math.max(0, input.nowMs - input.envelope.acceptedAtMs),
    random: input.random,
    ...(notBeforeSeconds === undefined ? {} : { notBeforeSeconds }),
  });
}

function expire(
  results: Map<number, FinalResult>,
  input: ConclusionInput,
  index: number,
  remark: Remark | undefined,
): ReportRecipient {
  const said = lastSaid(input, remark);
  const result: FinalResult = {
    state: 'expired',
    atMs: input.nowMs,
    ...(said === undefined ? {} : { host: said.host, reply: said.reply }),
  };
  results.set(index, result);
  return {
    index,
    action: 'failed',
    status: '4.4.7',
    ...(said === undefined
      ? {}
      : { diagnosticReply: said.reply, remoteHost: said.host, lastAttemptMs: said.atMs }),
    result,
  };
}

/** RFC 3461 DELAY: due once for each `delayWarningSeconds` of age, at most `delayWarningsMax` times. */
function delayWarning(
  settings: ConclusionSettings,
  input: ConclusionInput,
  deferred: ReadonlyMap<number, Remark | undefined>,
): ReportDraft | undefined {
  const sent = input.job.data.delayNotices ?? 0;
  const everyMs = settings.delayWarningSeconds * 1000;
  const ageMs = input.nowMs - input.envelope.acceptedAtMs;
  if (everyMs === 0 || sent >= settings.delayWarningsMax || ageMs < everyMs * (sent + 1)) return undefined;
  const recipients = [...deferred].map(([index, remark]): ReportRecipient => {
    const said = lastSaid(input, remark);
    return {
      index,
      action: 'delayed',
      status: remark === undefined ? '4.4.1' : statusOf(remark).enhancedCode,
      ...(said === undefined
        ? {}
        : { diagnosticReply: said.reply, remoteHost: said.host, lastAttemptMs: said.atMs }),
    };
  });
  const expiresAtMs = input.envelope.acceptedAtMs + settings.retry.maxAgeSeconds * 1000;
  return { why: 'delayed', recipients, expiresAtMs };
}

/** The last reply about this recipient: of this attempt, else the newest that the job remembers. */
function lastSaid(
  input: ConclusionInput,
  remark: Remark | undefined,
): { readonly host: string; readonly reply: string; readonly atMs: number } | undefined {
  if (remark !== undefined)
    return { host: remark.host.label, reply: statusOf(remark).line, atMs: remark.atMs };
  let newest: { host: string; reply: string; atMs: number } | undefined;
  for (const [host, said] of Object.entries(input.job.data.lastReplies ?? {})) {
    if (newest === undefined || said.atMs > newest.atMs)
      newest = { host, reply: said.reply, atMs: said.atMs };
  }
  return newest;
}

interface Tally {
  readonly results: ReadonlyMap<number, FinalResult>;
  readonly deferred: ReadonlyMap<number, Remark | undefined>;
  readonly held: ReadonlyMap<number, Remark>;
  readonly delayMs: number;
  /** A delay warning goes out with this conclusion. */
  readonly warned: boolean;
}

function moveOf(settings: ConclusionSettings, input: ConclusionInput, tally: Tally): JobMove {
  const { job } = input;
  const failedNow = [...tally.results.values()].filter((result) => result.state !== 'delivered').length;
  const failedRecipients = (job.data.failedRecipients ?? 0) + failedNow;
  const open = new Set([...tally.deferred.keys(), ...tally.held.keys()]);
  const said = [...tally.deferred.values()].find((remark) => remark !== undefined);
  const data: JobData = {
    ...job.data,
    to: job.data.to.filter(([index]) => open.has(index)),
    lastReplies: mergeReplies(settings.lastRepliesMax, job.data.lastReplies, input.lastReplies),
    ...(failedRecipients > 0 ? { failedRecipients } : {}),
    ...(tally.warned ? { delayNotices: (job.data.delayNotices ?? 0) + 1 } : {}),
  };
  if (tally.deferred.size > 0) {
    const reason = said === undefined ? 'no host answers' : statusOf(said).line;
    const deferral = {
      delayMs: tally.delayMs,
      data: withNextHost(data, tally.deferred, input.board.unknown().size),
      reason,
      countAttempt: true,
      parked: input.hostsResting && hostTrouble(tally.deferred),
    };
    return { kind: 'defer', deferral };
  }
  if (tally.held.size > 0) {
    const [remark] = tally.held.values();
    const reason = `held, outcome unknown: ${remark === undefined ? '' : statusOf(remark).line}`;
    return { kind: 'fail', reason, data };
  }
  if (failedRecipients > 0) {
    const failed = [...tally.results.values()].find((result) => result.state !== 'delivered');
    return {
      kind: 'fail',
      reason: failed?.reply ?? 'recipients failed in an earlier attempt',
      data: { ...data, to: job.data.to },
    };
  }
  return { kind: 'complete' };
}

/** Every deferral is trouble of hosts, not of this mailbox or message: worth a try as soon as a host is back. */
function hostTrouble(deferred: ReadonlyMap<number, Remark | undefined>): boolean {
  return [...deferred.values()].every((remark) => remark === undefined || remark.verdict.health !== 'none');
}

function withNextHost(
  data: JobData,
  deferred: ReadonlyMap<number, Remark | undefined>,
  unknownCount: number,
): JobData {
  const { sameHostFirst: _last, ...rest } = data;
  for (const remark of deferred.values()) {
    const sameHost =
      remark?.verdict.fate === 'unknown-outcome' || remark?.verdict.notBeforeSeconds !== undefined;
    if (remark === undefined || !sameHost) continue;
    return {
      ...rest,
      sameHostFirst: remark.host.label,
      ...(unknownCount > 0 ? { unknownOutcomes: (data.unknownOutcomes ?? 0) + 1 } : {}),
    };
  }
  return rest;
}

/** The newest replies win; the oldest are dropped beyond the limit. */
function mergeReplies(
  max: number,
  before: JobData['lastReplies'],
  now: ConclusionInput['lastReplies'],
): NonNullable<JobData['lastReplies']> {
  const merged = new Map(Object.entries(before ?? {}));
  for (const [host, said] of now) {
    merged.delete(host);
    merged.set(host, said);
  }
  const newestFirst = [...merged].sort((a, b) => b[1].atMs - a[1].atMs).slice(0, max);
  return Object.fromEntries(newestFirst);
}
