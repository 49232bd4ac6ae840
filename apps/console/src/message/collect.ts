/** Everything that is known of one message, but its body. */
import {
  jobId,
  splitIntoJobs,
  type DestinationKey,
  type Envelope,
  type FinalResult,
  type JobId,
  type LedgerEntry,
  type MessageId,
} from '@mailwheel/envelope';
import type { DestinationQueues, JobState, JobView } from '@mailwheel/queue';
import type { CommitState, Spool } from '@mailwheel/spool';

export interface RecipientStatus {
  readonly index: number;
  readonly address: string;
  readonly destination: DestinationKey;
  readonly job: JobId;
  /** Its final result, else where its job is; `without a job`: the sweeper makes one. */
  readonly state: FinalResult['state'] | JobState | 'without a job';
  readonly result?: FinalResult;
  readonly nextAttemptAtMs?: number;
  /** What was said last, of a job that is not done. */
  readonly reason?: string;
}

export interface MessageStatus {
  readonly id: MessageId;
  readonly state: CommitState;
  readonly envelope: Envelope;
  readonly recipients: readonly RecipientStatus[];
  readonly ledger: readonly LedgerEntry[];
}

export interface MessageSources {
  readonly spool: Pick<Spool, 'read' | 'ledger'>;
  readonly queues: Pick<DestinationQueues, 'job'>;
}

/** Undefined: the message was never here, or its record has run out. */
export async function collectMessage(
  { spool, queues }: MessageSources,
  id: MessageId,
): Promise<MessageStatus | undefined> {
  const [record, ledger] = await Promise.all([spool.read(id), spool.ledger(id)]);
  if (record === undefined) return undefined;
  const { envelope, results, state } = record;
  const recipients = await Promise.all(
    splitIntoJobs(envelope.recipients).map(async (part) => {
      const job = jobId(id, part.part);
      const view = await queues.job(part.destination, job);
      return part.indices.map((index) => status(envelope, { index, job, view, result: results.get(index) }));
    }),
  );
  return { id, state, envelope, recipients: recipients.flat().toSorted((a, b) => a.index - b.index), ledger };
}

function status(
  envelope: Envelope,
  of: {
    readonly index: number;
    readonly job: JobId;
    readonly view: JobView | undefined;
    readonly result: FinalResult | undefined;
  },
): RecipientStatus {
  const { index, job, view, result } = of;
  const recipient = envelope.recipients[index];
  if (recipient === undefined) throw new Error(`message ${envelope.messageId} has no recipient ${index}`);
  return {
    index,
    address: recipient.address,
    destination: recipient.destination,
    job,
    state: result?.state ?? view?.state ?? 'without a job',
    ...(result === undefined ? {} : { result }),
    ...(result !== undefined || view?.nextAttemptAtMs === undefined
      ? {}
      : { nextAttemptAtMs: view.nextAttemptAtMs }),
    ...(result !== undefined || view?.reason === undefined ? {} : { reason: view.reason }),
  };
}
