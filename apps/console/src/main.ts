/**
 * The console role: hosts, round robin, backlog and messages on pages of its own, and the Bull dashboard of the destination
 * queues. `run` resolves when it answers; its stop steps are in the lifecycle.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { openStore, rotationFor, type Store } from '@mailwheel/assembly';
import type { Lifecycle } from '@mailwheel/lifecycle';
import { formatListen, isLoopback, unsafeListeners, type Settings } from '@mailwheel/settings';
import {
  chooseFormat,
  createLogger,
  createMetrics,
  createRegistry,
  labelBounds,
  loggedError,
  processMetrics,
  type LineDestination,
  type Logger,
  type MetricsOf,
  type Readiness,
} from '@mailwheel/telemetry';
import type { FastifyInstance } from 'fastify';
import { createBoard } from './board/create-board.ts';
import type { AuditedAct } from './guard/audit.ts';
import { readLogins } from './guard/logins.ts';
import { collectOverview, sharedReader, type Memory } from './overview/collect.ts';
import { createServer } from './server.ts';

export interface RunOptions {
  readonly settings: Settings;
  readonly lifecycle: Lifecycle;
  readonly configPath?: string;
  /** Where log lines go; absent: standard output. */
  readonly logTo?: LineDestination;
}

/** How long what was read for one visitor is good for the next. */
const overviewKeepMs = 2000;
/** Time for requests in progress when the console stops. */
const closeMsMax = 5000;
/** Wrong logins that are logged one by one; a guesser must not fill the disk. */
const refusalsPerMinuteMax = 20;

/** Rejects with a sentence when it cannot start. */
export async function run({ settings, lifecycle, logTo }: RunOptions): Promise<void> {
  refuseUnsafe(settings);
  const logins = await readLogins(settings.console, () => performance.now());
  const registry = createRegistry();
  const metrics = createMetrics(registry, processMetrics, labelBounds(settings.metrics));
  const logger = createLogger({
    format: chooseFormat(settings.log.format, process.stdout.isTTY === true),
    level: settings.log.level,
    messages: settings.log.messages,
    role: lifecycle.role,
    colour: process.stdout.isTTY === true,
    sharedOutput: lifecycle.supervised,
    onDrop: () => metrics.droppedLogLines.add(),
    ...(logTo === undefined ? {} : { destination: logTo }),
  });
  lifecycle.onStop({ stage: 'report', name: 'log', limitMs: 1000, stop: () => logger.close() });
  const onError = (what: string, error: unknown): void =>
    logger.event({ event: 'error', what, error: loggedError(error) });
  const audit = (act: AuditedAct): void => logger.event({ event: 'operator-act', ...act });
  const store = await openStore(settings, {
    purpose: 'console',
    name: `console-${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`,
    hooks: { onError: (error) => onError('redis', error) },
  });
  lifecycle.onStop({ stage: 'store', name: 'redis', limitMs: closeMsMax, stop: async () => store.close() });
  observe(store, metrics);
  const board = await createBoard({
    client: store.client,
    shards: settings.redis.shards,
    hostname: settings.hostname,
    queuesMax: settings.console.boardQueuesMax,
    queues: store.queues,
    spool: store.spool,
    nowMs: () => store.clock.nowMs(),
    audit,
    onError: (error) => onError('dashboard', error),
  });
  lifecycle.onStop({
    stage: 'peers',
    name: 'dashboard',
    limitMs: closeMsMax,
    stop: async () => board.close(),
  });
  const server = await createServer({
    hostname: settings.hostname,
    logins,
    loopback: isLoopback(settings.console.listen),
    onRefused: refusalLog(logger),
    audit,
    registry,
    readiness: () => readiness(settings, lifecycle, store),
    overview: overviewOf(settings, store),
    messages: store,
    nowMs: () => store.clock.nowMs(),
    board,
    onError,
  });
  lifecycle.onStop({
    stage: 'intake',
    name: 'console listener',
    limitMs: closeMsMax,
    stop: async () => close(server),
  });
  lifecycle.listening('console', await listen(server, settings));
}

/** The cli has looked already; this holds for whoever starts the role in another way. */
function refuseUnsafe(settings: Settings): void {
  const [open] = unsafeListeners(settings, 'console').filter(({ allowed }) => !allowed);
  if (open !== undefined) throw new Error(`${open.path} ${open.listen}: ${open.message}`);
}

function observe(store: Store, metrics: MetricsOf<typeof processMetrics>): void {
  metrics.redisUp.readFrom(() => (store.connected() ? 1 : 0));
  metrics.clockSkewSeconds.readFrom(() => store.clock.skewMs() / 1000);
}

function overviewOf(
  settings: Settings,
  store: Store,
): ReturnType<typeof sharedReader<Awaited<ReturnType<typeof collectOverview>>>> {
  const rotation = rotationFor(settings, store.client);
  return sharedReader(
    async () =>
      collectOverview({
        queues: store.queues,
        spool: store.spool,
        rotation,
        shards: settings.redis.shards,
        memory: async () => memoryOf(store),
        nowMs: () => store.clock.nowMs(),
      }),
    { keepMs: overviewKeepMs, monotonicMs: () => performance.now() },
  );
}

/** Of a cluster: the fullest master, for that is the one which refuses first. */
async function memoryOf({ client, maxmemoryBytes }: Store): Promise<Memory> {
  const nodes = 'nodes' in client ? client.nodes('master') : [client];
  const used = await Promise.all(
    nodes.map(async (node) => Number(/^used_memory:(\d+)/m.exec(await node.info('memory'))?.[1] ?? 0)),
  );
  return { usedBytes: Math.max(...used), maxBytes: maxmemoryBytes };
}

function readiness(settings: Settings, lifecycle: Lifecycle, store: Store): Readiness {
  const reasons: string[] = [];
  if (lifecycle.state() !== 'ready') reasons.push(lifecycle.state());
  if (!store.connected()) reasons.push('redis unavailable');
  if (Math.abs(store.clock.skewMs()) > settings.clock.skewMsMax)
    reasons.push('clock differs from the clock of redis');
  return { ready: reasons.length === 0, reasons };
}

function refusalLog(logger: Logger): (address: string, count: number) => void {
  let minute = 0;
  let logged = 0;
  return (address, count) => {
    const now = Math.floor(performance.now() / 60_000);
    if (now !== minute) [minute, logged] = [now, 0];
    logged += 1;
    if (logged <= refusalsPerMinuteMax)
      logger.event({
        event: 'warning',
        text: `console: wrong user or password from ${address} (${count} times)`,
      });
  };
}

async function listen(server: FastifyInstance, settings: Settings): Promise<string> {
  const { host, port } = settings.console.listen;
  await server.listen({ host, port });
  const bound = server.server.address();
  return formatListen({ host, port: bound === null || typeof bound === 'string' ? port : bound.port });
}

/** fastify finishes requests in progress; what is left shortly before the limit is cut. */
async function close(server: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => server.server.closeAllConnections(), closeMsMax - 1000);
  try {
    await server.close();
  } finally {
    clearTimeout(timer);
  }
}
