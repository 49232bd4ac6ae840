/**
 * `/metrics`, `/livez` and `/readyz` of a process, on a listener of their own. It answers anybody who can reach it and so
 * says nothing that must be kept from anybody: no addresses, no names of people.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { MetricRegistry } from './metrics/registry.ts';

export interface Readiness {
  readonly ready: boolean;
  /** Why not, in plain words (`redis unavailable`). Anything that could carry an address is not shown. */
  readonly reasons: readonly string[];
}

export interface OperationsPage {
  readonly contentType: string;
  readonly body: string;
}

export interface OperationsServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly registry: MetricRegistry;
  readonly readiness: () => Readiness;
  /** Further pages by path. */
  readonly extra?: Readonly<Record<string, () => OperationsPage | Promise<OperationsPage>>>;
}

export interface OperationsServer {
  /** Where it listens; the port is the real one when 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  close(): Promise<void>;
}

const connectionsMax = 100;
const requestMsMax = 10_000;
const plainWords = /^[A-Za-z][A-Za-z ,'-]{0,100}$/;

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Rejects with the error of `listen` (`EADDRINUSE`). */
export async function startOperationsServer(options: OperationsServerOptions): Promise<OperationsServer> {
  const server = createServer(
    { requestTimeout: requestMsMax, headersTimeout: requestMsMax },
    (request, response) => {
      void respond(options, request, response);
    },
  );
  server.maxConnections = connectionsMax;
  server.listen(options.listen.port, options.listen.host);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.listen.port;
  return { address: { host: options.listen.host, port }, close: () => close(server) };
}

async function respond(
  options: OperationsServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = await answerTo(options, request).catch((): Answer => text(500, 'internal error\n'));
  response.writeHead(answer.status, {
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    ...(answer.status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

async function answerTo(options: OperationsServerOptions, request: IncomingMessage): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET\n');
  const path = (request.url ?? '/').replace(/\?.*$/, '');
  switch (path) {
    case '/metrics':
      return { status: 200, contentType: options.registry.contentType, body: await options.registry.text() };
    case '/livez':
      return text(200, 'ok\n');
    case '/readyz':
      return readyz(options.readiness());
    default: {
      const page = options.extra?.[path];
      return page === undefined ? text(404, 'not found\n') : { status: 200, ...(await page()) };
    }
  }
}

function readyz(readiness: Readiness): Answer {
  if (readiness.ready) return text(200, 'ready\n');
  const reasons = readiness.reasons.map((reason) => (plainWords.test(reason) ? reason : 'unspecified'));
  return text(503, `not ready: ${reasons.join('; ') || 'unspecified'}\n`);
}

function text(status: number, body: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
