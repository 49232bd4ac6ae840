/** `mailwheel queue delete`: what deleting means stands in packages/assembly (operate). */
import { deleteJob, type Store } from '@mailwheel/assembly';
import { jobId, splitIntoJobs, type DestinationKey, type MessageId } from '@mailwheel/envelope';
import type { JobState } from '@mailwheel/queue';
import type { Settings } from '@mailwheel/settings';
import { CommandFailure, UsageError, type Invocation } from '../command.ts';
import { operateSources, withStore } from '../store.ts';
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
  return withStore(call, async (store, settings) => {
    const { recipients, active } =
      subject.kind === 'message'
        ? await deleteMessage(store, settings, subject.id)
        : await deleteDestination(store, settings, subject.destination);
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

async function deleteMessage(store: Store, settings: Settings, id: MessageId): Promise<Deleted> {
  const record = await store.spool.read(id);
  if (record === undefined) throw new CommandFailure(`There is no message ${id}.`);
  const sources = operateSources(store, settings);
  let recipients = 0;
  let active = 0;
  for (const { part, destination } of splitIntoJobs(record.envelope.recipients)) {
    const deletion = await deleteJob(sources, destination, jobId(id, part));
    if (deletion.kind === 'active') active += 1;
    else recipients += deletion.recipients;
  }
  return { recipients, active };
}

/** A removed job leaves its list: always ask for the first portion, until nothing in it can be removed. */
async function deleteDestination(
  store: Store,
  settings: Settings,
  destination: DestinationKey,
): Promise<Deleted> {
  const sources = operateSources(store, settings);
  let recipients = 0;
  for (const state of jobStates) {
    for (;;) {
      const jobs = await store.queues.jobs(destination, state, 0, portion - 1);
      const deletions = await Promise.all(jobs.map(({ id }) => deleteJob(sources, destination, id)));
      const done = deletions.filter((deletion) => deletion.kind === 'deleted');
      recipients += sum(done.map((deletion) => deletion.recipients));
      if (!done.some(({ job }) => job === 'removed')) break;
    }
  }
  const [state] = await store.queues.states([destination]);
  return { recipients, active: state?.active ?? 0 };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
