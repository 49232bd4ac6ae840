/** The description of the HTTP API (OpenAPI 3.1), made from the schemas that requests are checked by. */
import { problemKinds, type ProblemKind } from './problem.ts';
import {
  acceptedSchema,
  envelopeQuerySchema,
  idempotencyKeySchema,
  messageStatusSchema,
  problemSchema,
  submissionSchema,
} from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;

const submitProblems: readonly ProblemKind[] = [
  'invalid-body',
  'unauthorized',
  'sender-not-allowed',
  'body-too-large',
  'unsupported-media-type',
  'invalid-field',
  'idempotency-conflict',
  'mail-loop',
  'store-full',
  'store-unavailable',
  'outcome-unknown',
];
const statusProblems: readonly ProblemKind[] = ['unauthorized', 'not-found', 'store-unavailable'];

/** The whole document. */
export function openApiDocument(version: string): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Mailwheel HTTP API',
      version,
      description:
        'Submit mail and ask what became of it. A 202 means the message is stored durably, as a 250 does over SMTP. ' +
        'Every request carries a bearer token, unless none is configured and the client is in a trusted network.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    security: [{ token: [] }],
    paths: {
      '/v1/messages': { post: submitOperation() },
      '/v1/messages/{id}': { get: statusOperation() },
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Submission: withoutId(submissionSchema),
        Accepted: withoutId(acceptedSchema),
        MessageStatus: withoutId(messageStatusSchema),
        Problem: withoutId(problemSchema),
      },
    },
  };
}

function submitOperation(): Json {
  return {
    operationId: 'submitMessage',
    summary: 'Submit a message',
    description:
      'As `application/json` the message is composed here; as `message/rfc822` it is relayed as it is (line ends ' +
      'become CRLF), to the envelope that the query names.',
    parameters: [
      ...Object.entries(envelopeQuerySchema.properties).map(([name, schema]) => ({
        name,
        in: 'query',
        required: false,
        schema,
      })),
      { name: 'Idempotency-Key', in: 'header', required: false, schema: idempotencyKeySchema },
    ],
    requestBody: {
      required: true,
      content: {
        'application/json': { schema: reference('Submission') },
        'message/rfc822': { schema: { type: 'string', contentMediaType: 'message/rfc822' } },
      },
    },
    responses: {
      202: {
        description: acceptedSchema.title,
        headers: { Location: { schema: { type: 'string' }, description: 'Where its status is.' } },
        content: { 'application/json': { schema: reference('Accepted') } },
      },
      ...problemResponses(submitProblems),
    },
  };
}

function statusOperation(): Json {
  return {
    operationId: 'getMessage',
    summary: 'Ask what became of a message',
    description: 'A token reads its own messages only. A finished message is remembered for a bounded time.',
    parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
    responses: {
      200: {
        description: messageStatusSchema.title,
        content: { 'application/json': { schema: reference('MessageStatus') } },
      },
      ...problemResponses(statusProblems),
    },
  };
}

/** One response for each status, with the kinds that have it. */
function problemResponses(kinds: readonly ProblemKind[]): Json {
  const byStatus = new Map<number, ProblemKind[]>();
  for (const kind of kinds) {
    const { status } = problemKinds[kind];
    byStatus.set(status, [...(byStatus.get(status) ?? []), kind]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, of]) => [
      status,
      {
        description: of.map((kind) => `${problemKinds[kind].title} (\`${kind}\`).`).join(' '),
        content: { 'application/problem+json': { schema: reference('Problem') } },
      },
    ]),
  );
}

function reference(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

function withoutId({ $id: _id, ...schema }: Json & { readonly $id: string }): Json {
  return schema;
}
