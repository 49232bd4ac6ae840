/**
 * The HTTP API: fastify with our readers of bodies, one place where problems become replies, and one where requests are
 * let in. Nothing is read from a client whose token is not known.
 */
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Report } from '../events.ts';
import { withoutMapping } from '../smtp/trusted-networks.ts';
import type { ApiContext } from './context.ts';
import { exceedsJsonLimits } from './json-shape.ts';
import { registerDocumentation } from './documentation.ts';
import { fieldProblem, Problem } from './problem.ts';
import { registerStatus } from './status.ts';
import { registerSubmit } from './submit.ts';
import type { Access, Principal } from './tokens.ts';
import type { Uploads } from './upload.ts';

export interface HttpOptions extends Omit<ApiContext, 'principalOf' | 'addressOf'> {
  readonly access: Access;
  readonly uploads: Uploads;
  readonly bodyBytesMax: number;
  /** A request must be complete after this long, however slowly it comes. */
  readonly requestMsMax: number;
  readonly report: Report;
}

/** How often requests that take too long are looked for. */
const lookMsMax = 10_000;
/** Node's default; here because it must not be above the limit of the whole. */
const headersMsMax = 60_000;
/** A connection on which nothing moves. */
const idleMsMax = 75_000;
const connectionsMax = 1000;
const urlCharactersMax = 100_000;

/** Builds the API; it does not listen yet. */
export function createHttpApi(options: HttpOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: options.bodyBytesMax,
    requestTimeout: options.requestMsMax,
    connectionTimeout: idleMsMax,
    keepAliveTimeout: idleMsMax,
    http: {
      maxHeaderSize: urlCharactersMax,
      headersTimeout: Math.min(headersMsMax, options.requestMsMax),
      connectionsCheckingInterval: Math.min(lookMsMax, options.requestMsMax / 2),
    },
    logger: false,
    // Values are taken as they are written: a number is no string, and an unknown field is an error, not noise.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  });
  app.server.maxConnections = connectionsMax;
  const principals = new WeakMap<FastifyRequest, Principal>();
  const addresses = new WeakMap<FastifyRequest, string>();
  const addressOf = (request: FastifyRequest): string => addresses.get(request) ?? '';
  const context: ApiContext = {
    ...options,
    addressOf,
    principalOf: (request) => {
      const principal = principals.get(request);
      if (principal === undefined) throw new Error('a request reached its handler without being let in');
      return principal;
    },
  };
  // Noted while there is a socket: a client that goes away takes it along.
  app.addHook('onRequest', async (request) => {
    addresses.set(request, withoutMapping(request.socket.remoteAddress ?? ''));
  });
  readBodies(app, options.uploads);
  const say = (problem: Problem, request: FastifyRequest, reply: FastifyReply): void => {
    reportProblem(
      problem,
      { isSubmission: request.method === 'POST', clientAddress: addressOf(request) },
      options.report,
    );
    void sendProblem(problem, reply);
  };
  app.setErrorHandler((error: FastifyError, request, reply) => say(asProblem(error), request, reply));
  app.setNotFoundHandler((request, reply) =>
    say(new Problem('not-found', 'there is nothing at this path'), request, reply),
  );
  registerDocumentation(app);
  void app.register(async (guarded) => {
    guarded.addHook('onRequest', async (request) => {
      const { authorization } = request.headers;
      const principal = options.access({ authorization, clientAddress: addressOf(request) });
      if (principal === undefined) throw new Problem('unauthorized', 'give Authorization: Bearer <token>');
      principals.set(request, principal);
    });
    registerSubmit(guarded, context);
    registerStatus(guarded, context);
  });
  return app;
}

function readBodies(app: FastifyInstance, uploads: Uploads): void {
  app.removeAllContentTypeParsers();
  // Its refusal of `__proto__` and `constructor` keys is why fastify's own parser is used.
  const parse = app.getDefaultJsonParser('error', 'error');
  const parseJson = (request: FastifyRequest, text: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      void parse(request, text, (error, value) => (error === null ? resolve(value) : reject(error)));
    });
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    const text = await uploads.readText(request, payload);
    if (exceedsJsonLimits(text)) throw new Problem('invalid-body', 'the JSON has too many values or levels');
    return parseJson(request, text);
  });
  app.addContentTypeParser('message/rfc822', (request: FastifyRequest, payload: IncomingMessage) =>
    uploads.readMessage(request, payload),
  );
}

/** Only submissions count as refused: a question for a message that is gone refuses no mail. */
function reportProblem(
  problem: Problem,
  from: { readonly isSubmission: boolean; readonly clientAddress: string },
  report: Report,
): void {
  if (problem.code === 'internal-error') {
    report({ kind: 'fault', where: 'http request', error: asError(problem.cause) });
  }
  if (!from.isSubmission) return;
  report({
    kind: 'refused',
    protocol: 'http',
    phase: 'request',
    connectionNumber: 0,
    clientAddress: from.clientAddress,
    reply: { code: problem.status, text: problem.message },
    problem: problem.code,
    ...(problem.cause === undefined ? {} : { cause: problem.cause }),
  });
}

async function sendProblem(problem: Problem, reply: FastifyReply): Promise<void> {
  if (problem.code === 'unauthorized') void reply.header('www-authenticate', 'Bearer realm="mailwheel"');
  if (problem.retryAfterSeconds !== undefined) void reply.header('retry-after', problem.retryAfterSeconds);
  // The rest of a body nobody wants is not waited for.
  if (problem.code === 'body-too-large' || problem.code === 'unauthorized')
    void reply.header('connection', 'close');
  await reply
    .code(problem.status)
    .type('application/problem+json')
    .serializer((document: unknown) => JSON.stringify(document))
    .send(problem.document());
}

/** From what fastify and its validator throw to our kinds. */
function asProblem(error: FastifyError): Problem {
  if (error instanceof Problem) return error;
  const validation = error.validation?.[0];
  if (validation !== undefined) {
    const place = validation.instancePath;
    const context = error.validationContext ?? 'body';
    const parameter = validation.params['additionalProperty'] ?? validation.params['missingProperty'];
    const pointer = typeof parameter === 'string' ? `${place}/${parameter}` : place;
    const field =
      context === 'body'
        ? pointer || '/'
        : `${context === 'querystring' ? 'query' : 'header'}:${pointer.split('/')[1] ?? ''}`;
    return fieldProblem(field, validation.message ?? 'not valid');
  }
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('unsupported-media-type', 'use application/json or message/rfc822');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('body-too-large', 'the request body is too large');
    default:
      return (error.statusCode ?? 500) < 500
        ? new Problem('invalid-body', 'the request body cannot be read', { cause: error })
        : new Problem('internal-error', 'see the log of the ingress', { cause: error });
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
