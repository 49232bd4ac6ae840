/** `POST /v1/messages`: a message as message/rfc822 with its envelope in the query, or composed from JSON. */
import type { Acceptance, Submission } from '@mailwheel/accept';
import type { NotifyCondition, Priority } from '@mailwheel/envelope';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isAscii } from 'node:buffer';
import { createHash } from 'node:crypto';
import { BodyBuffer } from '../message/body-buffer.ts';
import type { Incoming, IntakeResult } from '../message/intake.ts';
import { withCrlf } from '../message/newlines.ts';
import { judgeContent } from '../smtp/policy.ts';
import { composeMessage, readMailbox, recipientsOf, type JsonSubmission } from './compose.ts';
import type { ApiContext } from './context.ts';
import { readEnvelope, type EnvelopeRequest, type HttpEnvelope } from './envelope.ts';
import { fieldProblem, Problem, retrySoonSeconds } from './problem.ts';
import { acceptedSchema, envelopeQuerySchema, idempotencyKeySchema, submissionSchema } from './schemas.ts';
import type { Principal } from './tokens.ts';

interface EnvelopeQuery {
  readonly from?: string;
  readonly to?: string | readonly string[];
  readonly notify?: string;
  readonly ret?: 'FULL' | 'HDRS';
  readonly envid?: string;
  readonly priority?: Priority;
}

/** What is to be sent, whichever form it came in. */
interface Prepared {
  readonly envelope: HttpEnvelope;
  readonly message: Buffer;
  readonly priority: Priority | undefined;
}

const retryLaterSeconds = 60;

export function registerSubmit(app: FastifyInstance, context: ApiContext): void {
  app.post(
    '/v1/messages',
    {
      schema: {
        querystring: envelopeQuerySchema,
        headers: { type: 'object', properties: { 'idempotency-key': idempotencyKeySchema } },
        body: { content: { 'application/json': { schema: submissionSchema } } },
        response: { 202: acceptedSchema },
      },
      preParsing: (request, reply, _payload, done) => {
        context.uploads.releaseWith(request, reply);
        done(null);
      },
    },
    async (request, reply) => submit(context, request, reply),
  );
}

async function submit(
  context: ApiContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Record<string, unknown>> {
  const principal = context.principalOf(request);
  const query = request.query as EnvelopeQuery;
  const prepared = Buffer.isBuffer(request.body)
    ? prepareMessage(context, principal, query, request.body)
    : await prepareJson(context, principal, query, request.body);
  const content = new BodyBuffer({ bytesMax: context.messageBytesMax });
  content.append(prepared.message, 0, prepared.message.length);
  judge(context, content, prepared.message);
  const result = await context.intake(incoming(context, request, prepared, content));
  const accepted = acceptedOrProblem(result);
  // Freed now, not when the collector comes round. Where the answer is 503, Redis's client may still hold on to it.
  content.discard();
  context.uploads.of(request).buffer.discard();
  void reply.code(202).header('location', `/v1/messages/${accepted.messageId}`);
  return {
    id: accepted.messageId,
    recipients: prepared.envelope.recipients.length,
    repeated: accepted.repeated,
  };
}

function prepareMessage(
  context: ApiContext,
  principal: Principal,
  query: EnvelopeQuery,
  body: Buffer,
): Prepared {
  if (query.from === undefined) throw fieldProblem('query:from', 'needed with message/rfc822');
  const to = typeof query.to === 'string' ? [query.to] : (query.to ?? []);
  const request: EnvelopeRequest = {
    from: { field: 'query:from', address: query.from },
    to: to.map((address) => ({ field: 'query:to', address })),
    notify: query.notify?.split(',') as NotifyCondition[] | undefined,
    ret: query.ret,
    envid: query.envid,
  };
  const envelope = readEnvelope(request, principal, context.mailboxes);
  return { envelope, message: withCrlf(body), priority: query.priority };
}

async function prepareJson(
  context: ApiContext,
  principal: Principal,
  query: EnvelopeQuery,
  body: unknown,
): Promise<Prepared> {
  const extra = Object.keys(query)[0];
  if (extra !== undefined) throw fieldProblem(`query:${extra}`, 'with JSON the envelope stands in the body');
  const submission = body as JsonSubmission;
  const request: EnvelopeRequest = {
    from: { field: '/from', address: readMailbox(submission.from).address },
    to: recipientsOf(submission),
    notify: submission.notify,
    ret: submission.ret,
    envid: submission.envid,
  };
  const envelope = readEnvelope(request, principal, context.mailboxes);
  return { envelope, message: withCrlf(await composeMessage(submission)), priority: submission.priority };
}

function judge(context: ApiContext, content: BodyBuffer, message: Buffer): void {
  const { messageBytesMax } = context;
  const findings = { bytes: content.bytes, bareNewline: false, nulOctet: message.includes(0) };
  const refusal = judgeContent(findings, { messageBytesMax, bareNewline: 'reject' });
  if (refusal === undefined) return;
  throw new Problem(findings.nulOctet ? 'invalid-body' : 'body-too-large', refusal.text);
}

function incoming(
  context: ApiContext,
  request: FastifyRequest,
  prepared: Prepared,
  content: BodyBuffer,
): Incoming {
  const principal = context.principalOf(request);
  const { envelope, priority } = prepared;
  const idempotency = idempotencyOf(context, request, principal);
  return {
    ...envelope,
    body: isAscii(prepared.message) ? '7BIT' : '8BITMIME',
    content,
    origin: {
      protocol: 'http',
      clientAddress: context.addressOf(request),
      connectionNumber: 0,
      ...(principal.name === undefined ? {} : { principal: principal.name }),
    },
    trace: { protocol: 'HTTP' },
    ...(idempotency === undefined ? {} : { idempotency }),
    ...(priority === undefined ? {} : { priority }),
  };
}

/** The digest covers all that decides what is sent: media type, query, and the body as it came. */
function idempotencyOf(
  context: ApiContext,
  request: FastifyRequest,
  principal: Principal,
): Submission['idempotency'] {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string') return undefined;
  const digest = createHash('sha256')
    .update(`${request.headers['content-type'] ?? ''}\n${request.url}\n`)
    .update(context.uploads.of(request).buffer.content())
    .digest('hex');
  // A name of a token never begins with `!`.
  return { scope: principal.name ?? '!trusted', key, digest };
}

function acceptedOrProblem({ reply, acceptance }: IntakeResult): Extract<Acceptance, { kind: 'accepted' }> {
  if (acceptance === undefined) throw new Problem('mail-loop', reply.text);
  switch (acceptance.kind) {
    case 'accepted':
      return acceptance;
    case 'conflict':
      throw new Problem('idempotency-conflict', 'this Idempotency-Key came with another request before', {
        errors: [{ field: 'header:idempotency-key', message: 'used for another request' }],
      });
    case 'full':
      throw new Problem('store-full', 'nothing was stored, try again later', {
        retryAfterSeconds: retryLaterSeconds,
      });
    case 'unavailable':
      throw new Problem('store-unavailable', 'nothing was stored, try again', {
        retryAfterSeconds: retrySoonSeconds,
        cause: acceptance.cause,
      });
    case 'unknown':
      throw new Problem(
        'outcome-unknown',
        'the message may have been stored; a repetition with the same Idempotency-Key is safe',
        { retryAfterSeconds: retrySoonSeconds, cause: acceptance.cause },
      );
  }
}
