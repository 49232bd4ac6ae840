/** `mailwheel queue show SUBJECT`: one destination with its next messages, or one message with all that is known of it. */
import type { Store } from '@mailwheel/assembly';
import { splitIntoJobs, jobId, type DestinationKey, type MessageId } from '@mailwheel/envelope';
import type { JobState, JobView } from '@mailwheel/queue';
import { CommandFailure, type Invocation } from '../command.ts';
import { withStore } from '../store.ts';
import { duration, instant, table } from '../table.ts';
import { subjectOf, wholeNumber } from './arguments.ts';

const jobsDefault = 20;
const jobStates: readonly JobState[] = ['active', 'waiting', 'delayed', 'failed'];

export function showQueue(call: Invocation): Promise<number> {
  const subject = subjectOf(call.values[0] ?? '');
  const limit = wholeNumber('--limit', call.options.limit) ?? jobsDefault;
  return withStore(call, (store) =>
    subject.kind === 'message'
      ? showMessage(call, store, subject.id)
      : showDestination(call, store, { destination: subject.destination, limit }),
  );
}

async function showDestination(
  call: Invocation,
  store: Store,
  of: { readonly destination: DestinationKey; readonly limit: number },
): Promise<number> {
  const { queues, clock } = store;
  const { destination, limit } = of;
  const [state] = await queues.states([destination]);
  const portions = await Promise.all(
    jobStates.map((jobState) => queues.jobs(destination, jobState, 0, limit - 1)),
  );
  const jobs = portions.flat().slice(0, limit);
  if (call.options.json === true) {
    call.output.json({ ...state, jobs });
    return 0;
  }
  const { waiting = 0, active = 0, delayed = 0, failed = 0, paused = false } = state ?? {};
  call.output.text(
    `${destination}: ${waiting} waiting, ${active} active, ${delayed} delayed, ${failed} failed${paused ? ', held' : ''}`,
  );
  if (jobs.length === 0) return 0;
  const nowMs = clock.nowMs();
  call.output.text(
    table(
      ['message', 'state', 'age', 'tries', 'next', 'from', 'reason'],
      jobs.map((job) => jobRow(job, nowMs)),
    ),
  );
  return 0;
}

function jobRow(job: JobView, nowMs: number): string[] {
  return [
    job.data?.message ?? job.id,
    job.state,
    duration(nowMs - job.acceptedAtMs),
    String(job.attemptsMade),
    job.nextAttemptAtMs === undefined ? '' : `in ${duration(job.nextAttemptAtMs - nowMs)}`,
    job.data === undefined ? '' : job.data.from || '<>',
    job.reason ?? '',
  ];
}

async function showMessage(call: Invocation, store: Store, id: MessageId): Promise<number> {
  const { spool, queues } = store;
  const [record, ledger] = await Promise.all([spool.read(id), spool.ledger(id)]);
  if (record === undefined)
    throw new CommandFailure(`There is no message ${id}: it was never here, or its record has run out.`);
  const { envelope, results, state } = record;
  const parts = splitIntoJobs(envelope.recipients);
  const jobs = await Promise.all(parts.map((part) => queues.job(part.destination, jobId(id, part.part))));
  const jobOf = new Map(
    parts.flatMap((part, index) => part.indices.map((recipient) => [recipient, jobs[index]] as const)),
  );
  const recipients = envelope.recipients.map((recipient) => {
    const result = results.get(recipient.index);
    const job = jobOf.get(recipient.index);
    return {
      address: recipient.address,
      state: result?.state ?? job?.state ?? 'without a job',
      ...(result === undefined ? {} : { result }),
      ...(job?.nextAttemptAtMs === undefined ? {} : { nextAttemptAtMs: job.nextAttemptAtMs }),
    };
  });
  if (call.options.json === true) {
    call.output.json({ id, state, envelope, recipients, ledger });
    return 0;
  }
  const { output } = call;
  output.text(`${id} (MID ${envelope.messageNumber}), ${state}, accepted ${instant(envelope.acceptedAtMs)}`);
  output.text(
    `  from ${envelope.reversePath || '<>'}, ${envelope.bodyBytes} bytes${envelope.subject === undefined ? '' : `, subject '${envelope.subject}'`}`,
  );
  output.text(
    table(
      ['  recipient', 'state', 'reply'],
      recipients.map((of) => [
        `  ${of.address}`,
        of.state,
        of.result?.reply ??
          (of.nextAttemptAtMs === undefined ? '' : `next try ${instant(of.nextAttemptAtMs)}`),
      ]),
    ),
  );
  if (ledger.length === 0) return 0;
  const lines = ledger.map((entry) => [
    `  ${instant(entry.atMs)}`,
    entry.host,
    entry.phase,
    entry.outcome,
    String(Math.round(entry.durationMs)),
    entry.reply,
  ]);
  output.text(table(['  attempt', 'host', 'phase', 'outcome', 'ms', 'reply'], lines));
  return 0;
}
