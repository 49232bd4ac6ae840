/** What can go wrong between us and Redis, typed, so that callers decide by code and never by message text. */

/**
 * `not-sent`: the command never left (no connection). `full`: refused at maxmemory. `refused`: Redis answered with another
 * error and did nothing. `unknown`: it was on the wire when the connection or the patience ended; it may have run.
 */
export type UnavailableReason = 'not-sent' | 'full' | 'refused' | 'unknown';

/** Redis did not do what was asked. `reason` says what is known about the effect. */
export class QueueUnavailable extends Error {
  readonly code = 'queue-unavailable' as const;
  readonly reason: UnavailableReason;
  /** Redis's or the client's own words, one line. */
  readonly reply: string;

  constructor(what: string, cause: unknown) {
    const reply = cause instanceof Error ? cause.message : String(cause);
    super(`${what}: ${reply}`, { cause });
    this.name = 'QueueUnavailable';
    this.reply = reply;
    this.reason = unavailableReason(cause);
  }
}

/** ioredis hangs the command on its error, and that of AUTH or HELLO holds the password: nobody after us may see it. */
export function withoutSecrets(error: Error): Error {
  if ('command' in error) delete error.command;
  return error;
}

const repliesWithoutEffect =
  /^(?:OOM|NOSCRIPT|READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|NOAUTH|NOPERM|WRONGTYPE|EXECABORT|MISCONF|BUSY|ERR)/;

/** Sorts an ioredis error. What we cannot name may have run: that default costs a look, the other would cost a message. */
export function unavailableReason(cause: unknown): UnavailableReason {
  if (!(cause instanceof Error)) return 'unknown';
  if (cause.message.includes('enableOfflineQueue options is false')) return 'not-sent';
  const previous = (cause as { previousErrors?: unknown }).previousErrors;
  // One level only: ioredis may list an error among its own previous ones.
  if ((Array.isArray(previous) && previous.some(saysFull)) || saysFull(cause)) return 'full';
  return repliesWithoutEffect.test(cause.message) ? 'refused' : 'unknown';
}

function saysFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message.startsWith('OOM') || error.message.includes("used memory > 'maxmemory'");
}

/**
 * One entry of a MULTI failed. EXEC does not roll back: the other entries did run (`discardHalfWritten`). When the whole
 * EXEC was refused, `entry` is -1 and nothing was written.
 */
export class TransactionFailed extends Error {
  readonly code = 'transaction-failed' as const;
  /** Place of the failed entry in the MULTI, from 0; -1: the whole. */
  readonly entry: number;
  readonly reason: UnavailableReason;
  readonly reply: string;

  constructor(entry: number, cause: unknown) {
    const reply = cause instanceof Error ? cause.message : `the script answered ${String(cause)}`;
    super(
      entry < 0
        ? `the transaction was refused: ${reply}`
        : `entry ${entry} of the transaction failed: ${reply}`,
      {
        cause,
      },
    );
    this.name = 'TransactionFailed';
    this.entry = entry;
    this.reply = reply;
    this.reason = cause instanceof Error ? unavailableReason(cause) : 'refused';
  }
}

/** Replies of `exec()` as ioredis gives them; null: a watched key changed (we watch none). */
export type ExecReplies = readonly (readonly [error: Error | null, result: unknown])[] | null;

/**
 * Every single reply of EXEC: no error, and no negative number, for BullMQ's add scripts report refusals that way.
 * Success of a MULTI may be claimed only after this.
 * @throws {TransactionFailed} at the first entry that did not succeed.
 */
export function assertExec(replies: ExecReplies): void {
  if (replies === null) throw new TransactionFailed(-1, new Error('EXEC answered null'));
  for (const [entry, [error, result]] of replies.entries()) {
    if (error !== null) throw new TransactionFailed(entry, error);
    if (typeof result === 'number' && result < 0) throw new TransactionFailed(entry, result);
  }
}

/** The board or an operator asked for something that would go round the message record. */
export class OperationRefused extends Error {
  readonly code = 'operation-refused' as const;
  /** bull-board answers with it. */
  readonly statusCode = 403;
  readonly operation: string;

  constructor(operation: string, why: string) {
    super(`${operation} is refused: ${why}`);
    this.name = 'OperationRefused';
    this.operation = operation;
  }
}
