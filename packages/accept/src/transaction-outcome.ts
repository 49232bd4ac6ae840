/**
 * What became of one EXEC. Success is claimed only when every single reply was looked at: EXEC does not roll back, and
 * BullMQ's scripts report some refusals as negative numbers.
 */
import type { ExecReplies } from './deps.ts';

/** `created`, or the state of the record that was there before. */
export type RecordReply = 'created' | 'staged' | 'committed' | 'revoked' | 'settled';

export type TransactionOutcome =
  /** Everything was written. `record` is absent in a MULTI without a record. */
  | { readonly kind: 'written'; readonly record?: RecordReply }
  /** EXEC ran, and one of its entries failed: the others stand. */
  | {
      readonly kind: 'half-written';
      readonly entry: number;
      readonly reason: string;
      readonly scriptsLost: boolean;
      readonly cause?: unknown;
    }
  /** Redis did nothing. */
  | {
      readonly kind: 'nothing';
      readonly why: 'full' | 'unavailable';
      readonly reason: string;
      readonly cause?: unknown;
    }
  /** It was on the wire when the connection or our patience ended; or too few replicas have it. */
  | { readonly kind: 'unsure'; readonly reason: string; readonly cause?: unknown };

const recordReply = /^record:(created|staged|committed|revoked|settled)$/;

/**
 * A record that was committed before answers for its jobs: whoever made it checked them. Adding them again may fail here
 * without harm, and must not take that message back.
 */
export function outcomeOfReplies(replies: ExecReplies): TransactionOutcome {
  if (replies === null) return { kind: 'unsure', reason: 'EXEC answered null' };
  const record = recordOf(replies);
  if (record === 'committed' || record === 'settled') return { kind: 'written', record };
  for (const [entry, [error, reply]] of replies.entries()) {
    if (error !== null) {
      const scriptsLost = error.message.includes('NOSCRIPT');
      return { kind: 'half-written', entry, reason: error.message, scriptsLost, cause: error };
    }
    if (typeof reply === 'number' && reply < 0) {
      return { kind: 'half-written', entry, reason: `the script answered ${reply}`, scriptsLost: false };
    }
    // The body is set first and only where there is none: null beside a new record means somebody else's body.
    if (reply === null && record === 'created') {
      const reason = 'a body without a record stood under the id';
      return { kind: 'half-written', entry, reason, scriptsLost: false };
    }
  }
  return record === undefined ? { kind: 'written' } : { kind: 'written', record };
}

function recordOf(replies: NonNullable<ExecReplies>): RecordReply | undefined {
  for (const [, reply] of replies) {
    const match = typeof reply === 'string' ? recordReply.exec(reply) : null;
    if (match !== null) return match[1] as RecordReply;
  }
  return undefined;
}

const repliesWithoutEffect =
  /^(?:NOSCRIPT|READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|NOAUTH|NOPERM|WRONGTYPE|EXECABORT|MISCONF|BUSY|MOVED|ASK|TRYAGAIN|ERR)/;

/** Sorts a rejected command. What we cannot name may have run: doubting costs a look, the opposite would cost a message. */
export function outcomeOfError(cause: unknown): TransactionOutcome {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (isFull(cause)) return { kind: 'nothing', why: 'full', reason: 'Redis is at its maxmemory', cause };
  if (reason.includes('enableOfflineQueue options is false') || repliesWithoutEffect.test(reason)) {
    return { kind: 'nothing', why: 'unavailable', reason, cause };
  }
  return { kind: 'unsure', reason, cause };
}

/** The rejection of an EXEC lists those of its commands, and sometimes itself. */
function isFull(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  const { previousErrors = [] } = cause as { readonly previousErrors?: readonly unknown[] };
  return [cause, ...previousErrors].some((error) => error instanceof Error && /\bOOM\b/.test(error.message));
}
