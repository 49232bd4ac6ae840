/** Turns one transaction's report into ledger entries: what one host said, grouped by what it said. Pure. */
import type { JobId, LedgerEntry } from '@mailwheel/envelope';
import type { TransactionReport } from '@mailwheel/delivery';
import type { Host } from '@mailwheel/routing';
import type { Happening, Verdict } from '@mailwheel/verdict';
import { lineOf } from './status.ts';

export interface LedgerContext {
  readonly jobId: JobId;
  readonly attempt: number;
  readonly host: Host;
  readonly atMs: number;
}

/** One happening, the recipients it concerns and what the table made of it. */
export interface Judgement {
  readonly indices: readonly number[];
  readonly happening: Happening;
  readonly verdict: Verdict;
}

export function ledgerOf(
  context: LedgerContext,
  report: TransactionReport,
  judgements: readonly Judgement[],
): LedgerEntry[] {
  const base = {
    atMs: context.atMs,
    jobId: context.jobId,
    attempt: context.attempt,
    host: context.host.label,
    connectionNumber: report.connectionNumber,
    durationMs: Math.round(report.durationMs),
  };
  const entries: LedgerEntry[] = [];
  const first = report.accepted[0];
  if (first !== undefined) {
    const recipients = report.accepted.map((one) => one.index);
    entries.push({ ...base, phase: 'final', outcome: 'delivered', recipients, reply: first.reply.line });
  }
  const groups = new Map<string, { judgement: Judgement; recipients: number[] }>();
  for (const judgement of judgements) {
    const key = `${judgement.verdict.row}|${judgement.happening.phase}|${lineOf(judgement.happening)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { judgement, recipients: [...judgement.indices] });
    else group.recipients.push(...judgement.indices);
  }
  for (const { judgement, recipients } of groups.values()) {
    entries.push({
      ...base,
      phase: judgement.happening.phase,
      outcome: outcomeOf(judgement.verdict),
      recipients,
      reply: lineOf(judgement.happening),
    });
  }
  return entries;
}

function outcomeOf(verdict: Verdict): LedgerEntry['outcome'] {
  if (verdict.next !== 'stop') return 'next-host';
  switch (verdict.fate) {
    case 'bounce':
      return 'bounced';
    case 'unknown-outcome':
      return 'unknown-outcome';
    case 'defer':
    case 'none':
      return 'deferred';
  }
}
