/** The console's HTTP server: the guard, then one module for each page. */
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { registerAssets } from './assets.ts';
import type { Board } from './board/create-board.ts';
import { registerGuard, type GuardOptions } from './guard/register.ts';
import { page } from './html/layout.ts';
import { html } from './html/markup.ts';
import { registerMessages, type MessageContext } from './message/routes.ts';
import { registerOperations, type OperationsContext } from './operations.ts';
import { registerOverview, type OverviewContext } from './overview/routes.ts';
import { registerSearch } from './search.ts';

export interface ServerOptions extends GuardOptions, OperationsContext, OverviewContext, MessageContext {
  readonly board: Pick<Board, 'plugin'>;
  /** Redis away in the middle of a page, or a bug of ours: the visitor is told to come back (503). */
  readonly onError: (what: string, error: unknown) => void;
}

/** The dashboard's forms are short; job data is not edited here. */
const bodyBytesMax = 65_536;
const requestMsMax = 30_000;
const connectionsMax = 500;
/** A destination key has up to 255 characters, and some are written as %5B. */
const parameterCharactersMax = 800;

/** Builds the server; it does not listen yet. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: requestMsMax,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    routerOptions: { maxParamLength: parameterCharactersMax },
  });
  app.server.maxConnections = connectionsMax;
  registerGuard(app, options);
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 503;
    if (status >= 500)
      options.onError(`answering ${request.method} ${request.routeOptions.url ?? ''}`, error);
    return say(options, { request, reply, status, sentence: status < 500 ? error.message : unavailable });
  });
  app.setNotFoundHandler((request, reply) =>
    say(options, { request, reply, status: 404, sentence: 'There is nothing at this address.' }),
  );
  registerOperations(app, options);
  await registerAssets(app);
  registerOverview(app, options);
  registerMessages(app, options);
  registerSearch(app);
  await app.register(options.board.plugin);
  return app;
}

const unavailable =
  'This page cannot be made now: Redis did not answer as it should. The log of the console says more.';

/** A page for people, JSON for programs. */
function say(
  { hostname }: { readonly hostname: string },
  of: {
    readonly request: FastifyRequest;
    readonly reply: FastifyReply;
    readonly status: number;
    readonly sentence: string;
  },
): FastifyReply {
  const { request, reply, status, sentence } = of;
  void reply.code(status);
  if (!(request.headers.accept ?? '').includes('text/html')) return reply.send({ status, message: sentence });
  const { q } = request.query as { readonly q?: unknown };
  const frame = { title: `${status}`, at: '', hostname, ...(typeof q === 'string' ? { query: q } : {}) };
  return reply.type('text/html; charset=utf-8').send(
    page(
      frame,
      html`<h1>${status}</h1>
        <p>${sentence}</p>
        <p><a href="/">Overview</a></p>`,
    ),
  );
}
