/** Everything that happens in a worker goes through here once: into the journal, and into the metrics. */
import type { Acceptance } from '@mailwheel/accept';
import type { Envelope } from '@mailwheel/envelope';
import type { HeldJob, Oddity } from '@mailwheel/queue';
import type { HostReport, Pick, ReportResult } from '@mailwheel/rotation';
import {
  codeLabel,
  createMetrics,
  deliveryMetrics,
  hostMetrics,
  processMetrics,
  queueMetrics,
  type LabelBounds,
  type MetricRegistry,
  type MetricsOf,
} from '@mailwheel/telemetry';
import type { AskedHost, AttemptWatch } from '../attempt/attempt.ts';
import type { Conclusion, ReportDraft } from '../conclude/decide.ts';
import type { ReportWatch } from '../conclude/send-reports.ts';
import type { HandlerWatch } from '../handle-job.ts';
import type { SweepWatch } from '../upkeep/sweeper.ts';
import type { Journal } from './journal.ts';

export interface WorkerMetrics {
  readonly delivery: MetricsOf<typeof deliveryMetrics>;
  readonly hosts: MetricsOf<typeof hostMetrics>;
  readonly queue: MetricsOf<typeof queueMetrics>;
  readonly process: MetricsOf<typeof processMetrics>;
}

export function workerMetrics(registry: MetricRegistry, bounds: LabelBounds): WorkerMetrics {
  return {
    delivery: createMetrics(registry, deliveryMetrics, bounds),
    hosts: createMetrics(registry, hostMetrics, bounds),
    queue: createMetrics(registry, queueMetrics, bounds),
    process: createMetrics(registry, processMetrics, bounds),
  };
}

export class WorkerWatch implements AttemptWatch, HandlerWatch, ReportWatch, SweepWatch {
  readonly #journal: Journal;
  readonly #metrics: WorkerMetrics;
  readonly #nowMs: () => number;
  #heldSinceMs: number | undefined;

  constructor(journal: Journal, metrics: WorkerMetrics, nowMs: () => number) {
    this.#journal = journal;
    this.#metrics = metrics;
    this.#nowMs = nowMs;
  }

  picked(_job: HeldJob, pick: Pick): void {
    if (pick.kind === 'host') this.#metrics.hosts.picks.add({ host: pick.host.label, mode: pick.mode });
  }

  asked(job: HeldJob, asked: AskedHost): void {
    const { delivery } = this.#metrics;
    for (const entry of asked.entries) {
      const code = codeLabel(/^\d{3}/.test(entry.reply) ? Number(entry.reply.slice(0, 3)) : undefined);
      delivery.attempts.add({ host: entry.host, phase: entry.phase, code, outcome: entry.outcome });
      delivery.attemptSeconds.observe(entry.durationMs / 1000);
      if (entry.outcome !== 'delivered') continue;
      delivery.deliveredMessages.add({ route: asked.routeKey, tier: String(asked.tier), host: entry.host });
      delivery.deliveredRecipients.add(entry.recipients.length);
      delivery.deliverySeconds.observe(Math.max(0, entry.atMs - asked.envelope.acceptedAtMs) / 1000);
    }
    for (const { verdict } of asked.verdicts) {
      if (verdict.fate === 'unknown-outcome') delivery.unknownOutcomes.add({ host: asked.host.label });
      if (verdict.unclassified === true) delivery.unclassifiedReplies.add();
    }
    this.#journal.asked(job, asked);
  }

  hostReported(report: HostReport, result: ReportResult): void {
    this.#journal.hostReported(report, result, this.#nowMs());
  }

  reportFailed(_report: HostReport, cause: unknown): void {
    this.#journal.trouble('a host report was not taken', cause);
  }

  concluded(job: HeldJob, envelope: Envelope, conclusion: Conclusion, openLeft: number | undefined): void {
    const { delivery } = this.#metrics;
    for (const result of conclusion.results.values()) {
      if (result.state === 'bounced') {
        delivery.bouncedRecipients.add({ reason: result.host === 'dns' ? 'dns' : 'refused' });
      } else if (result.state === 'expired') delivery.bouncedRecipients.add({ reason: 'expired' });
    }
    if (conclusion.deferred.size > 0) delivery.deferredRecipients.add(conclusion.deferred.size);
    this.#journal.concluded(job, envelope, conclusion, openLeft);
  }

  oddity(job: HeldJob, what: 'no-record' | 'revoked' | 'all-final' | 'no-body'): void {
    this.#journal.oddity(what, `job ${job.id} for ${job.destination}`);
  }

  rerun(_job: HeldJob): void {
    this.#metrics.delivery.reruns.add();
  }

  quarantined(job: HeldJob): void {
    this.#metrics.delivery.quarantined.add();
    this.#journal.quarantined(job);
  }

  lockLost(job: HeldJob, during: 'attempt' | 'move'): void {
    this.#metrics.delivery.locksLost.add();
    this.#journal.oddity('lock lost', `job ${job.id} for ${job.destination}, during ${during}`);
  }

  rests(job: HeldJob, untilMs: number, nowMs: number): void {
    this.#journal.rests(job, untilMs - nowMs, 'no host is eligible');
  }

  reportSent(original: Envelope, reportNumber: number, _draft: ReportDraft): void {
    this.#metrics.delivery.bouncesSent.add();
    this.#journal.reportSent(original, reportNumber);
  }

  reportWithheld(original: Envelope, draft: ReportDraft, why: string): void {
    if (why !== 'not-wanted') {
      this.#journal.oddity(
        why,
        `message ${original.messageId}: no report about ${draft.recipients.length} recipients`,
      );
    }
  }

  reportNotAccepted(
    original: Envelope,
    acceptance: Exclude<Acceptance, { kind: 'accepted' | 'conflict' }>,
  ): void {
    this.#journal.oddity('report not accepted', `message ${original.messageId}: ${acceptance.reason}`);
  }

  repaired(what: 'due-index' | 'missing-job' | 'staged-record', count: number): void {
    this.#metrics.queue.dueIndexRepairs.add(count);
    this.#journal.repair(what, count);
  }

  trouble(what: string, cause: unknown): void {
    this.#journal.trouble(what, cause);
  }

  clock(skewed: boolean, skewMs: number): void {
    const text = skewed
      ? `the clock of this process is ${Math.round(skewMs)} ms off Redis's: nothing is fetched until they agree`
      : 'the clock agrees with that of Redis again';
    this.#journal.log({ event: skewed ? 'warning' : 'note', text });
  }

  /** Deliveries that did not end in the time of the drain. */
  leftAtStop(count: number): void {
    if (count === 0) return;
    const text = `${count} deliveries did not end in time; others take them up when their locks run out`;
    this.#journal.log({ event: 'warning', text });
  }

  foreignJob(oddity: Oddity): void {
    this.#journal.oddity(oddity.kind, `job ${oddity.jobId} for ${oddity.destination}: ${oddity.detail}`);
  }

  recovered(count: number): void {
    this.#metrics.queue.stalledRecoveries.add(count);
  }

  /** Redis does not take what must be written: said once an outage, not once a message. */
  held(cause: unknown): void {
    const nowMs = performance.now();
    if (this.#heldSinceMs === undefined || nowMs - this.#heldSinceMs > heldNoticeMs) {
      this.#heldSinceMs = nowMs;
      this.#journal.trouble('Redis does not take results; they are held', cause);
    }
  }
}

const heldNoticeMs = 10_000;
