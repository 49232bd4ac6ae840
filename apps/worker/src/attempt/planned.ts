/** The report of an attempt that needs no host: the route discards, or DNS already answered for good or for now. Pure. */
import type { LedgerEntry, Recipient } from '@mailwheel/envelope';
import type { HeldJob } from '@mailwheel/queue';
import type { Host, Plan } from '@mailwheel/routing';
import type { Happening, Verdict } from '@mailwheel/verdict';
import type { AttemptReport } from './attempt.ts';
import { RecipientBoard } from './board.ts';

const nowhere: Host = {
  key: 'dns',
  label: 'dns',
  address: '',
  port: 0,
  policy: { tls: 'none' },
};

export function plannedReport(
  plan: Exclude<Plan, { kind: 'tiers' }> | Plan,
  recipients: readonly Recipient[],
  context: { readonly job: HeldJob; readonly atMs: number },
): AttemptReport {
  const { job, atMs } = context;
  const board = new RecipientBoard(recipients);
  const ledger: LedgerEntry[] = [];
  const base = {
    atMs,
    jobId: job.id,
    attempt: job.attemptsMade + 1,
    connectionNumber: 0,
    recipients: recipients.map((recipient) => recipient.index),
    durationMs: 0,
  };
  const lastReplies = new Map<string, { reply: string; atMs: number; phase: 'dns' }>();
  switch (plan.kind) {
    case 'discard': {
      const reply = '250 2.0.0 discarded by its route';
      board.acceptAll({ state: 'delivered', atMs, host: '/dev/null', reply }, '2.0.0');
      ledger.push({ ...base, host: '/dev/null', phase: 'final', outcome: 'delivered', reply });
      break;
    }
    case 'bounce':
    case 'defer': {
      const line = `${plan.kind === 'bounce' ? '550' : '450'} ${plan.enhancedCode} ${plan.text}`;
      lastReplies.set('dns', { reply: line, atMs, phase: 'dns' });
      const remark = { verdict: verdictOf(plan), happening: happeningOf(line), host: nowhere, atMs };
      for (const recipient of recipients) board.judged(recipient.index, remark);
      const outcome = plan.kind === 'bounce' ? 'bounced' : 'deferred';
      ledger.push({ ...base, host: 'dns', phase: 'dns', outcome, reply: line });
      break;
    }
    case 'tiers':
      board.exhausted(false);
  }
  const healthReported = Promise.resolve();
  return { board, ledger, healthReported, lastReplies, asked: 1, dropped: false, relayed: [] };
}

function verdictOf(plan: Extract<Plan, { kind: 'bounce' | 'defer' }>): Verdict {
  return {
    row: 0,
    next: 'stop',
    health: 'none',
    fate: plan.kind,
    enhancedCode: plan.enhancedCode,
    probeSucceeded: false,
  };
}

function happeningOf(detail: string): Happening {
  return {
    phase: 'dns',
    cause: { kind: 'trouble', trouble: 'unknown', detail },
    reused: false,
    firstCommand: false,
    rcptAccepted: false,
    terminatorSent: false,
    sameHostRetried: false,
  };
}
