/**
 * The Bull dashboard under `/board`: a bounded, current set of destination queues, every act of which goes through
 * `DestinationQueue` (packages/queue) or is refused here.
 */
import { createBullBoard } from '@bull-board/api';
import type { BullBoardRequest } from '@bull-board/api/typings/app';
import type { OperateSources } from '@mailwheel/assembly';
import type { DestinationKey } from '@mailwheel/envelope';
import type { DestinationQueues, RedisClient } from '@mailwheel/queue';
import { createBoardQueues, type BoardAct, type BoardQueues } from '@mailwheel/queue/board';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { currentActor } from '../guard/actor.ts';
import { auditedActor, type AuditedAct } from '../guard/audit.ts';
import { Problem } from '../problem.ts';
import { cleanJob, retryJob } from './acts.ts';
import { answerTo } from './answers.ts';
import { boardPage } from './board-page.ts';
import { DestinationAdapter } from './destination-adapter.ts';
import { judge } from './policy.ts';
import { retryAll } from './retry-all.ts';
import { ConsoleAdapter, type RouteHandler } from './server-adapter.ts';
import { ShownQueues } from './shown-queues.ts';

export interface BoardOptions {
  readonly client: RedisClient;
  readonly shards: number;
  readonly hostname: string;
  readonly queuesMax: number;
  readonly queues: OperateSources['queues'] & Pick<DestinationQueues, 'touch' | 'destinations'>;
  readonly spool: OperateSources['spool'];
  readonly nowMs: () => number;
  readonly audit: (act: AuditedAct) => void;
  readonly onError: (error: unknown) => void;
}

export interface Board {
  readonly plugin: FastifyPluginAsync;
  close(): Promise<void>;
}

const prefix = '/board';
/** Between two polls of an open page: each asks Redis some ten things about every queue on the dashboard. */
const pollSeconds = 15;
const retryAllRoute = 'put /api/queues/:queueName/retry/:queueStatus';

export async function createBoard(options: BoardOptions): Promise<Board> {
  const { queues, audit } = options;
  const boardQueues = await createBoardQueues({
    client: options.client,
    shards: options.shards,
    hooks: {
      touch: (destination) => queues.touch(destination),
      audit: (act) => audit(auditedAct(act)),
      deleteJob: (destination, id) => cleanJob(options, destination, id),
      retryJob: (destination, id) => retryJob(options, destination, id),
    },
    onError: options.onError,
  });
  const server = new ConsoleAdapter(new Map([[retryAllRoute, retryAllOf(boardQueues)]]));
  server.setBasePath(prefix);
  const { addQueue, removeQueue } = createBullBoard({
    queues: [],
    serverAdapter: server,
    options: { uiConfig: uiConfig(options.hostname), handlerHooks: { before: (of) => before(of, audit) } },
  });
  server.setErrorHandler((error) => {
    const answer = answerTo(error);
    if (answer.status >= 500) options.onError(error);
    return answer as ReturnType<Parameters<typeof server.setErrorHandler>[0]>;
  });
  const shown = new ShownQueues({
    queuesMax: options.queuesMax,
    busiest: async (limit) => (await queues.destinations(limit)).map(({ destination }) => destination),
    show: (destination) => addQueue(new DestinationAdapter(boardQueues.queue(destination), destination)),
    hide: (destination) => removeQueue(destination),
    monotonicMs: () => performance.now(),
  });
  return {
    plugin: async (app) => registerBoard(app, server, shown),
    close: () => boardQueues.close(),
  };
}

interface BoardParameters {
  readonly Params: { readonly queueName?: string };
  readonly Querystring: { readonly activeQueue?: string };
}

async function registerBoard(
  app: FastifyInstance,
  server: ConsoleAdapter,
  shown: ShownQueues,
): Promise<void> {
  app.addHook<BoardParameters>('preHandler', async (request) => {
    for (const name of [request.params.queueName, request.query.activeQueue]) {
      if (name !== undefined && isDestinationKey(name)) shown.open(name);
    }
    if (/^\/board\/api\/queues(\?|$)/.test(request.url)) await shown.refresh();
  });
  app.addHook('onSend', async (_request, reply, payload) => {
    const type = String(reply.getHeader('content-type') ?? '');
    return typeof payload === 'string' && type.startsWith('text/html')
      ? boardPage(payload, currentActor().role)
      : payload;
  });
  await app.register(server.registerPlugin(), { prefix });
}

/** The form of a key; whether anything is queued for it is another matter. */
function isDestinationKey(text: string): text is DestinationKey {
  return /^[a-z0-9._[\]-]{1,255}$/.test(text);
}

function auditedAct(act: BoardAct): AuditedAct {
  const { operation, destination, jobId, detail, outcome } = act;
  return {
    ...auditedActor(currentActor()),
    act: operation === 'refused' ? (detail ?? 'unknown') : operation,
    on: jobId === undefined ? destination : `${destination}/${jobId}`,
    result: operation === 'refused' ? 'refused' : outcome === 'done' ? 'done' : `failed: ${detail ?? ''}`,
  };
}

interface HookContext {
  readonly method: string;
  readonly route: string;
  readonly request?: BullBoardRequest;
}

type HookAnswer = { readonly allow: false; readonly status: 405; readonly message: string } | undefined;

function before(of: HookContext, audit: (act: AuditedAct) => void): HookAnswer {
  const verdict = judge(of.method, of.route);
  if (verdict.kind === 'allowed') return undefined;
  const { queueName, jobId } = (of.request?.params ?? {}) as Record<string, string | undefined>;
  audit({
    ...auditedActor(currentActor()),
    act: verdict.act,
    on: [queueName ?? 'all queues', jobId].filter((part) => part !== undefined).join('/'),
    result: 'refused',
  });
  return { allow: false, status: 405, message: verdict.why };
}

function retryAllOf(queues: BoardQueues): RouteHandler {
  return async ({ params, queues: shown }) => {
    const { queueName = '', queueStatus } = params as Record<string, string | undefined>;
    if (!shown.has(queueName)) throw new Problem(404, `There is no queue ${queueName}.`);
    if (queueStatus !== 'failed') throw new Problem(400, 'Only failed messages are delivered again.');
    const queue = queues.queue(queueName as DestinationKey);
    const result = await retryAll(
      async (from, to) =>
        (await queue.getJobs(['failed'], from, to, true)).map((job) => ({
          id: job.id ?? '',
          retry: () => job.retry('failed'),
        })),
      (error) => answerTo(error).status < 500,
    );
    return { status: 200, body: result };
  };
}

function uiConfig(
  hostname: string,
): NonNullable<NonNullable<Parameters<typeof createBullBoard>[0]['options']>['uiConfig']> {
  return {
    boardTitle: `Mailwheel ${hostname}`,
    boardLogo: { path: '/assets/mailwheel.svg', width: 24, height: 24 },
    favIcon: { default: '/assets/mailwheel.svg', alternative: '/assets/mailwheel.svg' },
    miscLinks: [{ text: 'Mailwheel overview', url: '/' }],
    hideDocsLink: true,
    pollingInterval: { showSetting: false, forceInterval: pollSeconds },
    // One CLIENT LIST for each queue and poll, and workers are not connected to a queue here.
    showWorkers: false,
    showMetrics: false,
    sortQueues: false,
  };
}
