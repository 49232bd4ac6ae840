/** Finds the row of the table that fits a happening. All knowledge is in `table.ts`; here is only how a row is read. */
import { fittingEnhancedCode, replyClass } from './reply.ts';
import { verdictRows, type Circumstances, type ReplyPattern, type RowCase, type RowEffect } from './table.ts';
import type { Happening, Reply, Verdict, VerdictPreset } from './types.ts';

/**
 * What a happening means for the recipients, the host and the rest of the attempt. Never fails: what no row knows is row 19,
 * transient and counted under its own label.
 *
 * `any-4xx` changes the table in one point: a 4xx reply of any row sets the host aside at once. It does not change which
 * host is asked next, nor what becomes of the recipients. Row 0 is no row of the table: it stays without effect.
 */
export function judge(happening: Happening, preset: VerdictPreset): Verdict {
  for (const row of verdictRows) {
    const fitting = row.cases.find((one) => fits(one, happening));
    if (fitting === undefined) continue;
    const effect = (happening.sameHostRetried ? row.afterRetry : undefined) ?? row.effect;
    const verdict = verdictOf(row.row, { ...effect, ...fitting.effect });
    const setAside = preset === 'any-4xx' && row.row !== 0 && isTransientReply(happening);
    return setAside ? { ...verdict, health: 'fail', probeSucceeded: false } : verdict;
  }
  throw new Error('verdict table: its last row must fit everything');
}

function verdictOf(row: number, effect: RowEffect): Verdict {
  return { ...effect, row, probeSucceeded: effect.probeSucceeded === true };
}

function isTransientReply(happening: Happening): boolean {
  return happening.cause.kind === 'reply' && replyClass(happening.cause.reply) === 4;
}

function fits(one: RowCase, happening: Happening): boolean {
  if (one.phases !== undefined && !one.phases.includes(happening.phase)) return false;
  if (one.when !== undefined && !circumstancesHold(one.when, happening)) return false;
  switch (happening.cause.kind) {
    case 'reply':
      return one.replies !== undefined && replyFits(one.replies, happening.cause.reply);
    case 'trouble':
      return one.troubles === 'any' || (one.troubles?.includes(happening.cause.trouble) ?? false);
  }
}

function circumstancesHold(wanted: Circumstances, happening: Happening): boolean {
  const given: Required<Circumstances> = {
    reused: happening.reused,
    firstCommand: happening.firstCommand,
    rcptAccepted: happening.rcptAccepted,
    terminatorSent: happening.terminatorSent,
    sameHostRetried: happening.sameHostRetried,
    heloAccepted: happening.heloAccepted ?? false,
    restTransaction: happening.restTransaction ?? false,
  };
  for (const name of Object.keys(wanted) as (keyof Circumstances)[]) {
    if (wanted[name] !== given[name]) return false;
  }
  return true;
}

function replyFits(pattern: ReplyPattern, reply: Reply): boolean {
  if (pattern.classes !== undefined && !pattern.classes.includes(replyClass(reply))) return false;
  if (pattern.codes !== undefined && !pattern.codes.includes(reply.code)) return false;
  if (pattern.exceptCodes?.includes(reply.code) === true) return false;
  return pattern.enhanced === undefined || pattern.enhanced.some((one) => enhancedFits(one, reply));
}

function enhancedFits(wanted: string, reply: Reply): boolean {
  const own = fittingEnhancedCode(reply);
  if (own === undefined) return wanted === 'bare';
  const [, subject, detail] = own.split('.');
  return wanted === `${replyClass(reply)}.${subject}` || wanted === `x.${subject}.${detail}`;
}
