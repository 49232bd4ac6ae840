/**
 * What an operator's two acts mean for a message: "delete" and "deliver again". The record is the truth and a job only an
 * index entry of it, so both change record and job, in the order in which dying in between loses nothing. The console and
 * the cli both act through here, so that a button and a command cannot come to mean different things.
 */
import {
  jobId,
  parseJobId,
  shardOf,
  splitIntoJobs,
  type DestinationKey,
  type Envelope,
  type FinalResult,
  type JobId,
  type JobPart,
  type MessageId,
} from '@mailwheel/envelope';
import { assertExec, type DestinationQueues, type NewJob } from '@mailwheel/queue';
import type { MessageRecord, Spool } from '@mailwheel/spool';

export interface OperateSources {
  readonly queues: Pick<DestinationQueues, 'removeJob' | 'job' | 'transaction' | 'addToTransaction'>;
  readonly spool: Pick<Spool, 'read' | 'record' | 'reopen' | 'readBody'>;
  /** Redis's clock. */
  readonly nowMs: () => number;
  /** Setting `redis.shards`. */
  readonly shards: number;
}

export type Deletion =
  /** `job`: was there one. `recipients`: those that were open and have the result `deleted` now. */
  | { readonly kind: 'deleted'; readonly job: 'removed' | 'missing'; readonly recipients: number }
  /** A worker holds it: nothing was changed. */
  | { readonly kind: 'active' };

export type Redelivery =
  /** `recipients`: all that are open now, whether they ended in the last attempt or in an earlier one. */
  | { readonly kind: 'again'; readonly recipients: number }
  /** Nothing was changed: it still waits or is being delivered, or everybody has it already. */
  | { readonly kind: 'not-failed' }
  | { readonly kind: 'no-record' }
  | { readonly kind: 'no-body' };

/**
 * Every recipient of the job that is still open gets the final result `deleted`; no bounce is sent. The job goes first: only
 * one that no worker holds can be removed, and then nobody can deliver what is recorded as deleted. Dying in between costs
 * nothing: the sweeper makes the job again, and the operator repeats. An id that is none of ours is removed from its queue.
 */
export async function deleteJob(
  { queues, spool, nowMs }: OperateSources,
  destination: DestinationKey,
  id: string,
): Promise<Deletion> {
  const job = await queues.removeJob(destination, id as JobId);
  if (job === 'active') return { kind: 'active' };
  const found = await find(spool, id);
  // Not one of ours, or its record has run out: there is nothing to record.
  if (found === undefined) return { kind: 'deleted', job, recipients: 0 };
  const result: FinalResult = { state: 'deleted', atMs: nowMs() };
  const { taken } = await spool.record(found.messageId, {
    results: new Map(found.part.indices.map((index) => [index, result])),
    ledger: [],
  });
  return { kind: 'deleted', job, recipients: taken.length };
}

/**
 * Opens the recipients of a failed job that bounced, expired or were set aside, in whichever attempt, and puts a new job in
 * its place: for all who are open, with no attempt, crash or failure counted yet. Also where the job is gone and only the
 * record is kept. The record goes first: dying in between leaves an open record without a fitting job, which a repetition
 * or the sweeper mends; the other order could leave a job that finds all its recipients final and drops out.
 *
 * Rejected: BullMQ's retry of the old job. Its data list the recipients of the last attempt only, remember failures that
 * would end the new job as failed although everybody got the message, and keep the count of crashes that set it aside.
 */
export async function deliverAgain(
  sources: OperateSources,
  destination: DestinationKey,
  id: string,
): Promise<Redelivery> {
  const { queues, spool } = sources;
  const job = await queues.job(destination, id as JobId);
  if (job !== undefined && job.state !== 'failed') return { kind: 'not-failed' };
  const found = await find(spool, id);
  if (found === undefined) return { kind: 'no-record' };
  const { messageId, part } = found;
  const ended = part.indices.filter((index) => isUndone(found.record, index));
  const waiting = part.indices.filter((index) => !found.record.results.has(index));
  if (ended.length === 0 && (waiting.length === 0 || job === undefined)) return { kind: 'not-failed' };
  // Of a message that was set aside nobody has a result yet: then only the body must be there.
  const possible =
    ended.length === 0
      ? (await spool.readBody(messageId)) !== undefined
      : await spool.reopen(messageId, ended);
  if (!possible) return { kind: 'no-body' };
  const now = await spool.read(messageId);
  const open = part.indices.filter((index) => now?.results.has(index) === false);
  if (now === undefined || open.length === 0) return { kind: 'not-failed' };
  // Active: somebody else was faster, and a worker has what they wrote.
  if ((await queues.removeJob(destination, id as JobId)) !== 'active') {
    const multi = await queues.transaction(shardOf(destination, sources.shards));
    await queues.addToTransaction(multi, jobFor(now.envelope, part, open));
    assertExec(await multi.exec());
  }
  return { kind: 'again', recipients: open.length };
}

/** The job as an accept writes it, for the recipients that are open now. */
export function jobFor(envelope: Envelope, part: JobPart, open: readonly number[]): NewJob {
  const { messageId, reversePath, recipients, acceptedAtMs, priority } = envelope;
  return {
    id: jobId(messageId, part.part),
    destination: part.destination,
    data: {
      v: 1,
      message: messageId,
      from: reversePath,
      to: open.map((index) => [index, recipients[index]?.address ?? ''] as const),
      acceptedAtMs,
      priority,
    },
    priority,
  };
}

interface Found {
  readonly messageId: MessageId;
  readonly record: MessageRecord;
  readonly part: JobPart;
}

async function find(spool: Pick<Spool, 'read'>, id: string): Promise<Found | undefined> {
  const parsed = parseJobId(id);
  if (parsed === undefined) return undefined;
  const record = await spool.read(parsed.messageId);
  const part = splitIntoJobs(record?.envelope.recipients ?? []).find((one) => one.part === parsed.part);
  return record === undefined || part === undefined
    ? undefined
    : { messageId: parsed.messageId, record, part };
}

/** It has a final result, and one that can be taken back. */
function isUndone({ results }: MessageRecord, index: number): boolean {
  const state = results.get(index)?.state;
  return state === 'bounced' || state === 'expired' || state === 'quarantined';
}
