/** What the dashboard's "clean" and "retry" mean for a message: delete, and deliver again. */
import {
  parseJobId,
  splitIntoJobs,
  type DestinationKey,
  type FinalResult,
  type JobId,
  type MessageId,
} from '@mailwheel/envelope';
import type { DestinationQueues } from '@mailwheel/queue';
import type { Spool } from '@mailwheel/spool';
import { Problem } from '../problem.ts';

export interface ActSources {
  readonly queues: Pick<DestinationQueues, 'removeJob' | 'job'>;
  readonly spool: Pick<Spool, 'read' | 'record' | 'reopen' | 'readBody'>;
  /** Redis's clock. */
  readonly nowMs: () => number;
}

/**
 * Every recipient of the job that is still open gets the final result `deleted`; no bounce is sent. The job goes first: only one
 * that no worker holds can be removed, and then nobody can deliver what is recorded as deleted. Dying in between costs
 * nothing: the sweeper makes the job again, and the operator repeats. Rejects with a `Problem` when a worker holds the job.
 */
export async function deleteJob(
  { queues, spool, nowMs }: ActSources,
  destination: DestinationKey,
  id: string,
): Promise<void> {
  const removed = await queues.removeJob(destination, id as JobId);
  if (removed === 'active') {
    throw new Problem(409, 'A worker is delivering this message now. Pause the queue, and delete it again.');
  }
  const part = await partOf(spool, id);
  if (part === undefined) return; // not one of ours, or its record has run out: there is nothing to record
  const result: FinalResult = { state: 'deleted', atMs: nowMs() };
  const results = new Map(part.indices.map((index) => [index, result]));
  await spool.record(part.messageId, { results, ledger: [] });
}

/**
 * Makes the recipients open again that bounced or expired, so that the retried job finds them. Rejects with a `Problem` when
 * the message cannot be delivered again; then nothing was changed.
 */
export async function reopenJob(
  { spool, queues }: ActSources,
  destination: DestinationKey,
  id: string,
): Promise<void> {
  const job = await queues.job(destination, id as JobId);
  if (job?.state !== 'failed') {
    throw new Problem(409, 'Only a failed message is delivered again, and this one is not failed.');
  }
  const part = await partOf(spool, id);
  if (part === undefined) {
    throw new Problem(409, 'The record of this message is gone: it cannot be delivered again.');
  }
  const { messageId, ended } = part;
  // Of a quarantined message nobody has a result yet, and nothing is to be reopened.
  const possible =
    ended.length === 0
      ? (await spool.readBody(messageId)) !== undefined
      : await spool.reopen(messageId, ended);
  if (!possible) throw new Problem(409, 'The body of this message is gone: it cannot be delivered again.');
}

interface Part {
  readonly messageId: MessageId;
  /** Recipients of the job. */
  readonly indices: readonly number[];
  /** Those of them that did not get the message. */
  readonly ended: readonly number[];
}

async function partOf(spool: Pick<Spool, 'read'>, id: string): Promise<Part | undefined> {
  const parsed = parseJobId(id);
  if (parsed === undefined) return undefined;
  const record = await spool.read(parsed.messageId);
  const part = splitIntoJobs(record?.envelope.recipients ?? []).find((one) => one.part === parsed.part);
  if (record === undefined || part === undefined) return undefined;
  const ended = part.indices.filter((index) => {
    const state = record.results.get(index)?.state;
    return state === 'bounced' || state === 'expired' || state === 'quarantined';
  });
  return { messageId: parsed.messageId, indices: part.indices, ended };
}
