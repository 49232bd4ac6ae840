/**
 * `mailwheel queue delete`: gives every open recipient the final result "deleted", and takes the job out of its queue.
 *
 * The job goes first: only a job that no worker holds can be removed, and then nobody can deliver what is recorded as
 * deleted. Dying in between costs nothing: the sweeper makes the job again, and the operator repeats.
 */
import type { Store } from '@mailwheel/assembly';
import {
  jobId,
  splitIntoJobs,
  type DestinationKey,
  type FinalResult,
  type MessageId,
} from '@mailwheel/envelope';
import type { JobState, JobView } from '@mailwheel/queue';
import { CommandFailure, UsageError, type Invocation } from '../command.ts';
import { withStore } from '../store.ts';
import { subjectOf } from './arguments.ts';

const portion = 100;
const jobStates: readonly JobState[] = ['waiting', 'delayed', 'failed'];

interface Deleted {
  readonly recipients: number;
  /** Parts that a worker is delivering now. */
  readonly active: number;
}

export function deleteFromQueue(call: Invocation): Promise<number> {
  const subject = subjectOf(call.values[0] ?? '');
  if (subject.kind === 'destination' && call.options.yes !== true) {
    throw new UsageError(
      `This deletes all mail for ${subject.destination}, without a bounce: say --yes if you mean it.`,
    );
  }
  return withStore(call, async (store) => {
    const { recipients, active } =
      subject.kind === 'message'
        ? await deleteMessage(store, subject.id)
        : await deleteDestination(store, subject.destination);
    if (call.options.json === true) call.output.json({ ...subject, recipients, active });
    else call.output.text(`${recipients} recipients deleted.`);
    if (active > 0) {
      call.errors.text(
        `${active} deliveries are under way and were left: hold the destination, and delete again.`,
      );
    }
    return active > 0 ? 1 : 0;
  });
}

async function deleteMessage(store: Store, id: MessageId): Promise<Deleted> {
  const record = await store.spool.read(id);
  if (record === undefined) throw new CommandFailure(`There is no message ${id}.`);
  let recipients = 0;
  let active = 0;
  for (const part of splitIntoJobs(record.envelope.recipients)) {
    const removed = await store.queues.removeJob(part.destination, jobId(id, part.part));
    if (removed === 'active') active += 1;
    else recipients += await recordDeleted(store, id, part.indices);
  }
  return { recipients, active };
}

/** A removed job leaves its list: always ask for the first portion, until nothing in it can be removed. */
async function deleteDestination(store: Store, destination: DestinationKey): Promise<Deleted> {
  let recipients = 0;
  for (const state of jobStates) {
    for (;;) {
      const jobs = await store.queues.jobs(destination, state, 0, portion - 1);
      const counts = await Promise.all(jobs.map((job) => deleteJob(store, destination, job)));
      recipients += sum(counts.map((count) => count ?? 0));
      if (counts.every((count) => count === undefined)) break;
    }
  }
  const [state] = await store.queues.states([destination]);
  return { recipients, active: state?.active ?? 0 };
}

/** Recipients that were deleted; undefined: the job is held or gone. */
async function deleteJob(
  store: Store,
  destination: DestinationKey,
  job: JobView,
): Promise<number | undefined> {
  if ((await store.queues.removeJob(destination, job.id as never)) !== 'removed') return undefined;
  if (job.data === undefined) return 0;
  return recordDeleted(
    store,
    job.data.message,
    job.data.to.map(([index]) => index),
  );
}

async function recordDeleted(
  { spool, clock }: Store,
  id: MessageId,
  indices: readonly number[],
): Promise<number> {
  const result: FinalResult = { state: 'deleted', atMs: clock.nowMs() };
  const { taken } = await spool.record(id, {
    results: new Map(indices.map((index) => [index, result])),
    ledger: [],
  });
  return taken.length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
