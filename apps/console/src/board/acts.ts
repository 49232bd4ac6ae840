/**
 * The dashboard's "clean" and "retry" in our sense (packages/assembly, operate): what cannot be done is a sentence for whoever
 * pressed the button. Both reject with a `Problem`; then nothing was changed.
 */
import { deleteJob, deliverAgain, type OperateSources } from '@mailwheel/assembly';
import type { DestinationKey } from '@mailwheel/envelope';
import { Problem } from '../problem.ts';

export async function cleanJob(
  sources: OperateSources,
  destination: DestinationKey,
  id: string,
): Promise<void> {
  const deletion = await deleteJob(sources, destination, id);
  if (deletion.kind === 'active') {
    throw new Problem(409, 'A worker is delivering this message now. Pause the queue, and delete it again.');
  }
}

const whyNot = {
  'not-failed': 'Only a failed message is delivered again, and this one is not failed.',
  'no-record': 'The record of this message is gone: it cannot be delivered again.',
  'no-body': 'The body of this message is gone: it cannot be delivered again.',
} as const;

export async function retryJob(
  sources: OperateSources,
  destination: DestinationKey,
  id: string,
): Promise<void> {
  const redelivery = await deliverAgain(sources, destination, id);
  if (redelivery.kind !== 'again') throw new Problem(409, whyNot[redelivery.kind]);
}
