/** `mailwheel queue hold | release | deliver-now`: an operator's hand on one destination or message. */
import { deliverAgain, type Store } from '@mailwheel/assembly';
import { jobId, splitIntoJobs, type DestinationKey, type JobId, type MessageId } from '@mailwheel/envelope';
import type { Settings } from '@mailwheel/settings';
import { CommandFailure, type Invocation } from '../command.ts';
import { operateSources, withStore } from '../store.ts';
import { destinationOf, subjectOf } from './arguments.ts';

const portion = 100;

/** Nothing for the destination is delivered until it is released; what is under way ends. */
export function holdQueue(call: Invocation): Promise<number> {
  const destination = destinationOf(call.values[0] ?? '');
  return withStore(call, async ({ queues }) => {
    await queues.pause(destination);
    return told(
      call,
      { destination, held: true },
      `${destination} is held: mail for it is accepted and kept.`,
    );
  });
}

export function releaseQueue(call: Invocation): Promise<number> {
  const destination = destinationOf(call.values[0] ?? '');
  return withStore(call, async ({ queues }) => {
    await queues.resume(destination);
    return told(call, { destination, held: false }, `${destination} is released.`);
  });
}

/** Delayed messages are due at once, whatever their schedule says; of a message also what had failed, if its body is kept. */
export function deliverNow(call: Invocation): Promise<number> {
  const subject = subjectOf(call.values[0] ?? '');
  return withStore(call, async (store, settings) => {
    if (subject.kind === 'destination') {
      const promoted = await promoteAll(store, subject.destination);
      return told(
        call,
        { destination: subject.destination, promoted },
        `${subject.destination}: ${promoted} delayed messages are due now.`,
      );
    }
    const promoted = await deliverMessage(store, settings, subject.id);
    return told(
      call,
      { message: subject.id, promoted },
      `${subject.id}: ${promoted} deliveries are due now.`,
    );
  });
}

/** A promoted job leaves the delayed ones: always ask for the first portion, until none can be promoted. */
async function promoteAll({ queues }: Store, destination: DestinationKey): Promise<number> {
  let promoted = 0;
  for (;;) {
    const jobs = await queues.jobs(destination, 'delayed', 0, portion - 1);
    const done = await Promise.all(jobs.map((job) => queues.promote(destination, job.id as JobId)));
    const count = done.filter(Boolean).length;
    promoted += count;
    if (count === 0) break;
  }
  // Also when nothing was delayed: a destination that rests is asked again at once.
  await queues.touch(destination);
  return promoted;
}

async function deliverMessage(store: Store, settings: Settings, id: MessageId): Promise<number> {
  const record = await store.spool.read(id);
  if (record === undefined) throw new CommandFailure(`There is no message ${id}.`);
  const sources = operateSources(store, settings);
  let promoted = 0;
  for (const { part, destination } of splitIntoJobs(record.envelope.recipients)) {
    const redelivery = await deliverAgain(sources, destination, jobId(id, part));
    switch (redelivery.kind) {
      case 'again':
        promoted += 1;
        break;
      case 'not-failed':
        if (await store.queues.promote(destination, jobId(id, part))) promoted += 1;
        break;
      case 'no-record':
        throw new CommandFailure(`There is no message ${id}.`);
      case 'no-body':
        throw new CommandFailure(`${id}: the body of the message is gone, it cannot be delivered again.`);
    }
  }
  return promoted;
}

function told(call: Invocation, json: object, text: string): number {
  if (call.options.json === true) call.output.json(json);
  else call.output.text(text);
  return 0;
}
