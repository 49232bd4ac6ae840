/** `GET /v1/messages/{id}`: what became of each recipient, and what each host said. */
import {
  jobId,
  parseMessageId,
  splitIntoJobs,
  type Envelope,
  type FinalResult,
  type LedgerEntry,
  type MessageId,
} from '@mailwheel/envelope';
import type { FastifyInstance } from 'fastify';
import type { ApiContext, JobReader } from './context.ts';
import { Problem, retrySoonSeconds } from './problem.ts';
import { messageStatusSchema } from './schemas.ts';
import type { Principal } from './tokens.ts';

/** How an open recipient's job stands in the words of the API. */
const openStates = {
  waiting: 'queued',
  active: 'delivering',
  delayed: 'deferred',
  // The job has failed, yet the recipient is open: set aside, an operator decides.
  failed: 'held',
} as const;

interface OpenState {
  readonly state: (typeof openStates)[keyof typeof openStates];
  readonly nextAttemptAtMs?: number;
}

export function registerStatus(app: FastifyInstance, context: ApiContext): void {
  app.get(
    '/v1/messages/:id',
    {
      schema: {
        params: { type: 'object', required: ['id'], properties: { id: { type: 'string', maxLength: 100 } } },
        response: { 200: messageStatusSchema },
      },
    },
    async (request) => {
      const { id: text } = request.params as { readonly id: string };
      const principal = context.principalOf(request);
      try {
        return await statusOf(context, principal, parseMessageId(text));
      } catch (error) {
        if (error instanceof Problem) throw error;
        throw new Problem('store-unavailable', 'the store does not answer, ask again', {
          retryAfterSeconds: retrySoonSeconds,
          cause: error,
        });
      }
    },
  );
}

/** Rejects with the store's own errors, and with a Problem for what is not there or not the principal's. */
async function statusOf(
  context: ApiContext,
  principal: Principal,
  id: MessageId | undefined,
): Promise<Readonly<Record<string, unknown>>> {
  const record = id === undefined ? undefined : await context.messages.read(id);
  const readable =
    record !== undefined &&
    (record.state === 'committed' || record.state === 'settled') &&
    mayRead(principal, record.envelope);
  // The same answer for what is not there and for what is another's: a token learns nothing about others' ids.
  if (id === undefined || !readable) {
    throw new Problem('not-found', 'there is no such message, or it was forgotten after its time');
  }
  const { envelope, results } = record;
  const [open, ledger] = await Promise.all([
    openRecipients(context.jobs, envelope, results),
    context.messages.ledger(id),
  ]);
  return {
    id,
    acceptedAt: iso(envelope.acceptedAtMs),
    from: envelope.reversePath,
    ...(envelope.subject === undefined ? {} : { subject: envelope.subject }),
    priority: envelope.priority,
    bytes: envelope.bodyBytes,
    recipients: envelope.recipients.map(({ index, address }) => ({
      index,
      address,
      ...recipientState(results.get(index), open.get(index)),
    })),
    attempts: ledger.map(attemptLine),
  };
}

/** Without a name: a trusted network, which reads everything. */
function mayRead(principal: Principal, envelope: Envelope): boolean {
  if (principal.name === undefined) return true;
  return envelope.origin.protocol === 'http' && envelope.origin.principal === principal.name;
}

/** Asks for the jobs of open recipients only: a finished message costs nothing here. */
async function openRecipients(
  jobs: JobReader,
  envelope: Envelope,
  results: ReadonlyMap<number, FinalResult>,
): Promise<ReadonlyMap<number, OpenState>> {
  const states = new Map<number, OpenState>();
  await Promise.all(
    splitIntoJobs(envelope.recipients).map(async ({ part, destination, indices }) => {
      const open = indices.filter((index) => !results.has(index));
      if (open.length === 0) return;
      const job = await jobs.job(destination, jobId(envelope.messageId, part));
      // Without a job the sweeper will make one again: it waits.
      const state: OpenState = {
        state: openStates[job?.state ?? 'waiting'],
        ...(job?.nextAttemptAtMs === undefined ? {} : { nextAttemptAtMs: job.nextAttemptAtMs }),
      };
      for (const index of open) states.set(index, state);
    }),
  );
  return states;
}

function recipientState(
  result: FinalResult | undefined,
  open: OpenState | undefined,
): Readonly<Record<string, unknown>> {
  if (result !== undefined) {
    return {
      state: result.state,
      at: iso(result.atMs),
      ...(result.host === undefined ? {} : { host: result.host }),
      ...(result.reply === undefined ? {} : { reply: result.reply }),
    };
  }
  return {
    state: open?.state ?? 'queued',
    ...(open?.nextAttemptAtMs === undefined ? {} : { nextAttemptAt: iso(open.nextAttemptAtMs) }),
  };
}

function attemptLine(entry: LedgerEntry): Readonly<Record<string, unknown>> {
  const { attempt, host, phase, outcome, recipients, reply } = entry;
  return {
    at: iso(entry.atMs),
    attempt,
    host,
    phase,
    outcome,
    recipients,
    reply,
    milliseconds: entry.durationMs,
  };
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
