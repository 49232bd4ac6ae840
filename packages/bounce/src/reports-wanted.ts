/** Who wants to hear what became of a recipient: NOTIFY of RFC 3461 section 4.1. */
import type { Envelope, NotifyCondition } from '@mailwheel/envelope';
import type { ReportKind, ReportRecipient } from './types.ts';

const conditions = {
  refused: 'FAILURE',
  expired: 'FAILURE',
  delayed: 'DELAY',
  relayed: 'SUCCESS',
} as const satisfies Record<ReportKind, NotifyCondition>;

export interface WantedOptions {
  /** Warn of a delay also where no NOTIFY was given (RFC 3461 section 4.1 leaves it to us). Default false. */
  readonly delayUnasked?: boolean;
}

/**
 * The recipients a report of this kind should speak of; none: no report. Nobody is told anything where the reverse-path is
 * null (RFC 5321 section 4.5.5): a report about a report would go round for ever.
 *
 * Without NOTIFY failures are reported and successes are not. `relayed` is asked only for recipients whose next hop does
 * not offer DSN: where it does, the wish was passed on and is no longer ours (RFC 3461 section 5.2.1).
 */
export function reportsWanted(
  original: Envelope,
  why: ReportKind,
  recipients: readonly ReportRecipient[],
  options: WantedOptions = {},
): readonly ReportRecipient[] {
  if (original.reversePath === '') return [];
  const condition = conditions[why];
  const unasked = condition === 'FAILURE' || (condition === 'DELAY' && options.delayUnasked === true);
  return recipients.filter(({ index }) => {
    const notify = original.recipients[index]?.notify;
    return notify === undefined ? unasked : notify.includes(condition);
  });
}
