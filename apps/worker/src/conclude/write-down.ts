/**
 * End of an attempt: results and ledger go to the record, the job moves, both written in the same tick on one connection
 * and in this order (design section 6, step 5). The record is idempotent and not guarded by the lock; the move is.
 */
import type { FinalResult, LedgerEntry, MessageId } from '@mailwheel/envelope';
import type { DestinationQueues, HeldJob, MoveRefusal, Taken } from '@mailwheel/queue';
import type { RecordOutcome, Spool } from '@mailwheel/spool';
import type { JobMove } from './decide.ts';
import { persist, type PersistOptions } from './persist.ts';

export interface WriteDownDependencies {
  readonly spool: Pick<Spool, 'record'>;
  readonly queues: Pick<DestinationQueues, 'complete' | 'defer' | 'fail' | 'log'>;
  readonly persistence: PersistOptions;
  /** False when failed jobs are not kept (`bounced.keepSeconds: 0`): they are completed, and so removed. */
  readonly keepFailed: boolean;
}

export interface WriteDown {
  readonly messageId: MessageId;
  readonly job: HeldJob;
  readonly move: JobMove;
  readonly results: ReadonlyMap<number, FinalResult>;
  readonly ledger: readonly LedgerEntry[];
  readonly wantNext: () => boolean;
}

export interface WrittenDown {
  readonly recorded?: RecordOutcome;
  readonly moved: Taken | MoveRefusal;
}

export async function writeDown(deps: WriteDownDependencies, what: WriteDown): Promise<WrittenDown> {
  let recorded: RecordOutcome | undefined;
  let moved: Taken | MoveRefusal | undefined;
  await persist(deps.persistence, async () => {
    const nothingToRecord = what.results.size === 0 && what.ledger.length === 0;
    const record =
      recorded !== undefined || nothingToRecord ? undefined : deps.spool.record(what.messageId, what);
    const lines = moved === undefined ? logLines(deps, what) : [];
    // A move whose reply came is not repeated: it may have fetched the next job.
    const move = moved ?? moveJob(deps, what);
    const [recordEnd, moveEnd] = await Promise.allSettled([record, move, ...lines]);
    if (moveEnd.status === 'fulfilled') moved = moveEnd.value;
    if (recordEnd.status === 'rejected') throw recordEnd.reason;
    recorded = recordEnd.value ?? recorded;
    if (moveEnd.status === 'rejected') throw moveEnd.reason;
  });
  return { ...(recorded === undefined ? {} : { recorded }), moved: moved ?? { kind: 'nothing' } };
}

async function moveJob(deps: WriteDownDependencies, what: WriteDown): Promise<Taken | MoveRefusal> {
  const { job, move } = what;
  switch (move.kind) {
    case 'complete':
      return deps.queues.complete(job, what.wantNext());
    case 'defer':
      return deps.queues.defer(job, move.deferral, what.wantNext());
    case 'fail':
      return deps.keepFailed
        ? deps.queues.fail(job, { data: move.data, reason: move.reason }, what.wantNext())
        : deps.queues.complete(job, what.wantNext());
  }
}

/** The dashboard's log of the job: only what kept it from being delivered, a delivery leaves no job to look at. */
function logLines(deps: WriteDownDependencies, what: WriteDown): Promise<void>[] {
  if (what.move.kind === 'complete') return [];
  return what.ledger
    .filter((entry) => entry.outcome !== 'delivered')
    .map((entry) =>
      deps.queues.log(
        what.job,
        `attempt ${entry.attempt}: ${entry.host} ${entry.phase} ${entry.outcome} "${entry.reply}" (${entry.durationMs} ms)`,
      ),
    );
}
