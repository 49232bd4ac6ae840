/**
 * One job from the queue to its next state: read its record and pick a host at once, run the attempt, conclude, send the
 * reports it calls for, write it all down. Every decision in it is a call into ring 1 or into `attempt` and `conclude`.
 */
import type { Envelope, Recipient } from '@mailwheel/envelope';
import type { DestinationQueues, HeldJob, MoveRefusal, Taken } from '@mailwheel/queue';
import type { Resolver } from '@mailwheel/resolver';
import type { Pick as HostPick } from '@mailwheel/rotation';
import type { Plan } from '@mailwheel/routing';
import type { OpenedMessage, Spool } from '@mailwheel/spool';
import { pickRequest, runAttempt, type AttemptDependencies, type AttemptReport } from './attempt/attempt.ts';
import { plannedReport } from './attempt/planned.ts';
import { conclude, type Conclusion, type ConclusionSettings, type JobMove } from './conclude/decide.ts';
import { persist } from './conclude/persist.ts';
import { sendReports, type ReportDependencies } from './conclude/send-reports.ts';
import { writeDown, type WriteDownDependencies } from './conclude/write-down.ts';
import type { StreamBudget } from './serve/streams.ts';
import type { Handled } from './serve/visit.ts';

export interface HandlerSettings extends ConclusionSettings {
  readonly crashesPerMessageMax: number;
  /** Pause before a job whose record is not committed yet, or whose reports could not be accepted, is looked at again. */
  readonly putBackMs: number;
  /** Longest rest of a destination without a look at its oldest job. */
  readonly restMsMax: number;
}

export interface HandlerWatch {
  concluded(job: HeldJob, envelope: Envelope, conclusion: Conclusion, openLeft: number | undefined): void;
  /** A job without a usable record, already final, or run again after its owner vanished. */
  oddity(job: HeldJob, what: 'no-record' | 'revoked' | 'all-final' | 'no-body'): void;
  rerun(job: HeldJob): void;
  quarantined(job: HeldJob): void;
  lockLost(job: HeldJob, during: 'attempt' | 'move'): void;
  rests(job: HeldJob, untilMs: number, nowMs: number): void;
}

export interface HandlerDependencies extends WriteDownDependencies {
  readonly attempt: AttemptDependencies;
  readonly resolver: Pick<Resolver, 'cachedPlan' | 'planFor'>;
  readonly spool: Pick<Spool, 'open' | 'record'>;
  readonly queues: Pick<DestinationQueues, 'complete' | 'defer' | 'fail' | 'giveBack' | 'log'>;
  readonly reports: ReportDependencies;
  readonly budget: StreamBudget;
  readonly settings: HandlerSettings;
  readonly random: () => number;
  readonly watch: HandlerWatch;
}

type WantNext = () => boolean;

export class JobHandler {
  readonly #deps: HandlerDependencies;

  constructor(deps: HandlerDependencies) {
    this.#deps = deps;
  }

  async handle(job: HeldJob, wantNext: WantNext): Promise<Handled> {
    if (job.stalledCount > 0) this.#deps.watch.rerun(job);
    if (job.stalledCount >= this.#deps.settings.crashesPerMessageMax) return this.#quarantine(job, wantNext);
    const { resolver, attempt } = this.#deps;
    const plan = resolver.cachedPlan(job.destination) ?? (await resolver.planFor(job.destination));
    // Both on the wire before either is awaited: one round trip (design section 6).
    const opening = this.#deps.spool.open(job.data.message);
    const picking =
      plan.kind === 'tiers'
        ? attempt.rotation.pick(pickRequest(attempt, job, plan.tiers, new Set()))
        : undefined;
    picking?.catch(() => undefined); // seen where it is awaited; a job without record never gets there
    let opened: OpenedMessage | undefined;
    try {
      opened = await opening;
    } catch (cause) {
      return this.#putBackUntouched(job, cause);
    }
    return this.#handleOpened(job, wantNext, { opened, plan, picking });
  }

  async #handleOpened(
    job: HeldJob,
    wantNext: WantNext,
    found: { opened: OpenedMessage | undefined; plan: Plan; picking: Promise<HostPick> | undefined },
  ): Promise<Handled> {
    const { opened, plan } = found;
    if (opened === undefined) return this.#dismiss(job, wantNext, 'no-record');
    if (opened.state === 'revoked') return this.#dismiss(job, wantNext, 'revoked');
    if (opened.state === 'staged') return this.#putBack(job, wantNext, 'its message is not committed yet');
    const recipients = openRecipients(job, opened);
    if (recipients.length === 0) return this.#dismiss(job, wantNext, 'all-final');
    const { body } = opened;
    if (body === undefined) {
      this.#deps.watch.oddity(job, 'no-body');
      return this.#move(job, wantNext, { kind: 'fail', reason: 'the message body is gone', data: job.data });
    }
    this.#deps.budget.holdBody(body.length);
    try {
      const input = { job, envelope: opened.envelope, body, recipients };
      const report =
        plan.kind === 'tiers' && found.picking !== undefined
          ? await runAttempt(this.#deps.attempt, {
              ...input,
              routeKey: plan.routeKey,
              tiers: plan.tiers,
              firstPick: found.picking,
            })
          : plannedReport(plan, recipients, { job, atMs: this.#deps.attempt.nowMs() });
      return await this.#finish(job, wantNext, { opened, body, report });
    } finally {
      this.#deps.budget.dropBody(body.length);
    }
  }

  async #finish(
    job: HeldJob,
    wantNext: WantNext,
    attempted: { opened: OpenedMessage; body: Buffer; report: AttemptReport },
  ): Promise<Handled> {
    const { opened, body, report } = attempted;
    const { envelope } = opened;
    if (report.dropped && report.board.finals().size === 0) {
      this.#deps.watch.lockLost(job, 'attempt');
      return {};
    }
    const nowMs = this.#deps.attempt.nowMs();
    const conclusion = conclude(this.#deps.settings, {
      job,
      envelope,
      board: report.board,
      lastReplies: report.lastReplies,
      hostsResting: report.nobody?.cause === 'resting',
      nowMs,
      random: this.#deps.random,
    });
    if (report.trouble !== undefined && report.asked === 0)
      return this.#putBackUntouched(job, report.trouble);
    const restUntilMs = this.#restUntil(report.nobody);
    const untouched = report.asked === 0 && report.nobody !== undefined;
    if (untouched && conclusion.move.kind === 'defer') return this.#giveBack(job, report.nobody);
    if (report.board.finals().size > 0) this.#deps.budget.proven(job.destination);
    else this.#deps.budget.disproven(job.destination);
    const written = await this.#report(job, { envelope, body, report, conclusion });
    const [{ recorded, moved }] = await Promise.all([
      writeDown(this.#deps, {
        messageId: envelope.messageId,
        job,
        move: written.move,
        results: written.results,
        ledger: report.ledger,
        wantNext: () => restUntilMs === undefined && wantNext(),
      }),
      report.healthReported,
    ]);
    this.#deps.watch.concluded(job, envelope, written, recorded?.open);
    if (moved.kind === 'refused') this.#deps.watch.lockLost(job, 'move');
    return { ...nextOf(moved), ...(restUntilMs === undefined ? {} : { restUntilMs }) };
  }

  /**
   * Reports first: a bounce is durable before `bounced` is recorded. When one cannot be accepted now, what it would
   * report on stays open, and the job comes back soon without having spent an attempt.
   */
  async #report(
    job: HeldJob,
    done: { envelope: Envelope; body: Buffer; report: AttemptReport; conclusion: Conclusion },
  ): Promise<Conclusion> {
    const { envelope, body, report, conclusion } = done;
    const drafts = [...conclusion.reports];
    if (report.relayed.length > 0) drafts.push(relayedDraft(report));
    if (drafts.length === 0) return conclusion;
    const replies = { ...job.data.lastReplies, ...Object.fromEntries(report.lastReplies) };
    const hostReplies = Object.entries(replies).map(([host, said]) => ({
      host,
      reply: said.reply,
      atMs: said.atMs,
    }));
    const sent = await sendReports(this.#deps.reports, { job, envelope, body, hostReplies }, drafts);
    if (sent) return conclusion;
    const results = new Map([...conclusion.results].filter(([, result]) => result.state === 'delivered'));
    const deferral = {
      delayMs: this.#deps.settings.putBackMs,
      data: { ...job.data, to: job.data.to.filter(([index]) => !results.has(index)) },
      reason: 'its delivery status notification could not be accepted',
      countAttempt: false,
      parked: false,
    };
    return { ...conclusion, results, reports: [], move: { kind: 'defer', deferral } };
  }

  /** Nobody was asked: the destination rests, not its jobs; this one goes back to the head. */
  async #giveBack(job: HeldJob, nobody: AttemptReport['nobody']): Promise<Handled> {
    await persist(this.#deps.persistence, async () => this.#deps.queues.giveBack(job));
    if (nobody === undefined) return {};
    if (nobody.cause === 'resting') this.#deps.budget.disproven(job.destination);
    this.#deps.watch.rests(job, nobody.retryAtMs, nobody.nowMs);
    const restUntilMs = this.#restUntil(nobody);
    return restUntilMs === undefined ? {} : { restUntilMs };
  }

  /**
   * Until when nobody need look at the destination; undefined: its next job may find a host (`tried`: hosts are up, this job
   * has asked them all). A look at least every `restMsMax`: jobs expire also where all hosts are drained.
   */
  #restUntil(nobody: AttemptReport['nobody']): number | undefined {
    if (nobody === undefined || nobody.cause === 'tried') return undefined;
    return Math.min(nobody.retryAtMs, nobody.nowMs + this.#deps.settings.restMsMax);
  }

  /** Redis did not answer before anybody was asked: nothing happened, the job goes back as soon as it can. */
  async #putBackUntouched(job: HeldJob, cause: unknown): Promise<Handled> {
    this.#deps.persistence.onHeld(cause);
    await persist(this.#deps.persistence, async () => this.#deps.queues.giveBack(job));
    return {};
  }

  async #putBack(job: HeldJob, wantNext: WantNext, reason: string): Promise<Handled> {
    const deferral = {
      delayMs: this.#deps.settings.putBackMs,
      data: job.data,
      reason,
      countAttempt: false,
      parked: false,
    };
    return this.#move(job, wantNext, { kind: 'defer', deferral });
  }

  async #dismiss(
    job: HeldJob,
    wantNext: WantNext,
    what: 'no-record' | 'revoked' | 'all-final',
  ): Promise<Handled> {
    this.#deps.watch.oddity(job, what);
    return this.#move(job, wantNext, { kind: 'complete' });
  }

  /**
   * Its owners vanished too often to be chance. Set aside as a failed job, recipients left open and body kept: it is
   * shown, can be delivered again, and still expires with a report (design section 4).
   */
  async #quarantine(job: HeldJob, wantNext: WantNext): Promise<Handled> {
    this.#deps.watch.quarantined(job);
    const reason = `quarantined: ${job.stalledCount} processes ended while they handled it`;
    return this.#move(job, wantNext, { kind: 'fail', reason, data: job.data });
  }

  async #move(job: HeldJob, wantNext: WantNext, move: JobMove): Promise<Handled> {
    const { moved } = await writeDown(this.#deps, {
      messageId: job.data.message,
      job,
      move,
      results: new Map(),
      ledger: [],
      wantNext,
    });
    if (moved.kind === 'refused') this.#deps.watch.lockLost(job, 'move');
    return nextOf(moved);
  }
}

function nextOf(moved: Taken | MoveRefusal): Handled {
  return moved.kind === 'job' ? { next: moved.job } : {};
}

function openRecipients(job: HeldJob, opened: OpenedMessage): Recipient[] {
  const recipients: Recipient[] = [];
  for (const [index] of job.data.to) {
    const recipient = opened.envelope.recipients[index];
    if (recipient !== undefined && !opened.results.has(index)) recipients.push(recipient);
  }
  return recipients;
}

function relayedDraft(report: AttemptReport): Conclusion['reports'][number] {
  const recipients = report.relayed.map((index) => {
    const result = report.board.finals().get(index)?.result;
    return {
      index,
      action: 'relayed' as const,
      status: '2.0.0',
      ...(result?.reply === undefined ? {} : { diagnosticReply: result.reply }),
      ...(result?.host === undefined ? {} : { remoteHost: result.host }),
      ...(result === undefined ? {} : { lastAttemptMs: result.atMs, result }),
    };
  });
  return { why: 'relayed', recipients };
}
