/**
 * Writes down what the worker did, in the words of `telemetry`: the mail administrator's lines (DCID, MID, RID), one
 * structured record an attempt, and what operators watch. Decides nothing.
 */
import type { Envelope, LedgerEntry } from '@mailwheel/envelope';
import type { HeldJob } from '@mailwheel/queue';
import type { HostReport, ReportResult } from '@mailwheel/rotation';
import { loggedError, type ConnectionErrorReason, type LogEvent } from '@mailwheel/telemetry';
import type { Happening } from '@mailwheel/verdict';
import type { AskedHost } from '../attempt/attempt.ts';
import type { Remark } from '../attempt/board.ts';
import { lineOf, statusOf } from '../attempt/status.ts';
import type { Conclusion } from '../conclude/decide.ts';

export interface EventLog {
  event(event: LogEvent): void;
}

export class Journal {
  readonly #log: EventLog;

  constructor(log: EventLog) {
    this.#log = log;
  }

  asked(job: HeldJob, asked: AskedHost): void {
    const of = messageOf(asked.envelope);
    for (const entry of asked.entries) {
      this.#dialogue(of, asked, entry);
      this.#log.event({
        event: 'attempt',
        ...of,
        destination: job.destination,
        attempt: entry.attempt,
        host: entry.host,
        dcid: entry.connectionNumber,
        phase: entry.phase,
        outcome: entry.outcome,
        rids: entry.recipients,
        reply: entry.reply,
        durationMs: entry.durationMs,
      });
    }
    for (const { happening, verdict, indices } of asked.verdicts) {
      if (isConnectionTrouble(happening)) this.#connectionError(job, asked, happening);
      if (verdict.fate === 'unknown-outcome') {
        const dcid = asked.entries.at(-1)?.connectionNumber ?? 0;
        const details = lineOf(happening);
        this.#log.event({
          event: 'unknown-outcome',
          ...of,
          dcid,
          host: asked.host.label,
          rids: indices,
          details,
        });
      }
    }
  }

  /** The lines of one transaction that got as far as its recipients. */
  #dialogue(of: MessageOf, asked: AskedHost, entry: LedgerEntry): void {
    if (entry.connectionNumber === 0 || entry.phase === 'greeting' || entry.phase === 'ehlo') return;
    const dcid = entry.connectionNumber;
    const rids = entry.recipients;
    if (entry.outcome !== 'delivered') return;
    this.#log.event({ event: 'delivery-start', ...of, dcid, rids });
    this.#log.event({ event: 'message-done', ...of, dcid, rids });
    this.#log.event({ event: 'response', ...of, rids, reply: entry.reply });
  }

  #connectionError(job: HeldJob, asked: AskedHost, happening: Happening): void {
    this.#log.event({
      event: 'connection-error',
      dcid: asked.entries.at(-1)?.connectionNumber ?? 0,
      domain: job.destination,
      address: asked.host.address,
      port: asked.host.port,
      details: lineOf(happening),
      interfaceAddress: asked.localAddress,
      reason: reasonOf(happening),
    });
  }

  concluded(job: HeldJob, envelope: Envelope, conclusion: Conclusion, openLeft: number | undefined): void {
    const of = messageOf(envelope);
    for (const [index, result] of conclusion.results) {
      if (result.state === 'delivered') {
        if (result.host === '/dev/null')
          this.#log.event({ event: 'discarded', ...of, rids: [index], route: job.destination });
        continue;
      }
      const reply = result.reply ?? 'no host answered';
      const enhancedCode = result.state === 'expired' ? '4.4.7' : (enhancedIn(reply) ?? '5.0.0');
      const text = result.state === 'expired' ? 'delivery time expired' : 'not deliverable';
      const said = { enhancedCode, text, code: codeIn(reply), reply };
      this.#log.event({ event: 'bounced', ...of, dcid: 0, rid: index, ...said });
    }
    for (const [index, remark] of conclusion.deferred) this.#delayed(of, index, remark);
    if (openLeft === 0) this.#log.event({ event: 'message-finished', ...of });
  }

  #delayed(of: MessageOf, rid: number, remark: Remark | undefined): void {
    if (remark === undefined) return;
    const { enhancedCode, line } = statusOf(remark);
    const said = { enhancedCode, text: textIn(line), code: codeIn(line), reply: line };
    this.#log.event({ event: 'delayed', ...of, dcid: 0, rid, ...said });
  }

  hostReported(report: HostReport, result: ReportResult, nowMs: number): void {
    if (result.kind === 'stale' || result.from === result.to) return;
    this.#log.event({
      event: 'host-state',
      host: report.host.label,
      from: result.from,
      to: result.to,
      ...(result.untilMs === undefined ? {} : { restMs: Math.max(0, result.untilMs - nowMs) }),
      reply: report.reply,
    });
  }

  rests(job: HeldJob, forMs: number, cause: string): void {
    this.#log.event({
      event: 'destination-rests',
      destination: job.destination,
      forMs: Math.max(0, Math.round(forMs)),
      cause,
    });
  }

  quarantined(job: HeldJob): void {
    const { message } = job.data;
    this.#log.event({
      event: 'quarantined',
      mid: 0,
      message,
      destination: job.destination,
      starts: job.stalledCount,
    });
  }

  oddity(what: string, details: string): void {
    this.#log.event({ event: 'oddity', what, details });
  }

  repair(what: string, count: number): void {
    this.#log.event({ event: 'repair', what, count });
  }

  trouble(what: string, cause: unknown): void {
    this.#log.event({ event: 'error', what, error: loggedError(cause) });
  }

  reportSent(original: Envelope, reportNumber: number): void {
    const { messageNumber: of, messageId } = original;
    this.#log.event({ event: 'generated-bounce', mid: reportNumber, of, ofMessage: messageId });
  }

  note(text: string): void {
    this.#log.event({ event: 'note', text });
  }

  log(event: LogEvent): void {
    this.#log.event(event);
  }
}

interface MessageOf {
  readonly mid: number;
  readonly message: string;
}

function messageOf(envelope: Envelope): MessageOf {
  return { mid: envelope.messageNumber, message: envelope.messageId };
}

/** Trouble before any recipient was named: the connection's, not the message's. */
function isConnectionTrouble(happening: Happening): boolean {
  switch (happening.phase) {
    case 'connect':
    case 'tls':
    case 'greeting':
    case 'ehlo':
    case 'auth':
      return true;
    case 'dns':
    case 'mail':
    case 'rcpt':
    case 'data':
    case 'body':
    case 'final':
      return happening.cause.kind === 'trouble' && ['lost', 'timeout'].includes(happening.cause.trouble);
  }
}

function reasonOf(happening: Happening): ConnectionErrorReason {
  if (happening.cause.kind === 'reply') return 'unexpected SMTP response';
  return happening.cause.trouble === 'timeout' ? 'timeout' : 'network error';
}

function codeIn(line: string): string {
  return /^[2-5]\d\d/.exec(line)?.[0] ?? '';
}

function enhancedIn(line: string): string | undefined {
  return /^[2-5]\d\d[ -]([245]\.\d{1,3}\.\d{1,3})/.exec(line)?.[1];
}

function textIn(line: string): string {
  return line.replace(/^[2-5]\d\d[ -](?:[245]\.\d{1,3}\.\d{1,3} )?/, '');
}
