/**
 * The worker role: delivers what the queues hold. `run` resolves when it is in service; its stop steps are in the lifecycle
 * (docs/flow.md, shutdown).
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { openStore } from '@mailwheel/assembly';
import type { Lifecycle } from '@mailwheel/lifecycle';
import type { Settings } from '@mailwheel/settings';
import {
  chooseFormat,
  createLogger,
  createRegistry,
  labelBounds,
  startOperationsServer,
} from '@mailwheel/telemetry';
import { createEdges } from './edges.ts';
import { Journal } from './watch/journal.ts';
import { WorkerWatch, workerMetrics } from './watch/worker-watch.ts';
import { within } from './within.ts';
import { Worker } from './worker.ts';

export interface RunOptions {
  readonly settings: Settings;
  readonly lifecycle: Lifecycle;
  readonly configPath?: string;
}

/** What is left of a stop step's time, beyond `drainSeconds`, for the upkeep to end. */
const closingMs = 5000;
/** For saying QUIT to hosts. */
const farewellMs = 2000;

/** Rejects with a sentence when it cannot start. */
export async function run({ settings, lifecycle }: RunOptions): Promise<void> {
  const registry = createRegistry();
  const metrics = workerMetrics(registry, labelBounds(settings.metrics));
  const logger = createLogger({
    format: chooseFormat(settings.log.format, process.stdout.isTTY === true),
    level: settings.log.level,
    messages: settings.log.messages,
    role: lifecycle.role,
    colour: process.stdout.isTTY === true,
    sharedOutput: lifecycle.supervised,
    onDrop: () => metrics.process.droppedLogLines.add(),
  });
  lifecycle.onStop({ stage: 'report', name: 'log', limitMs: 1000, stop: () => logger.close() });
  const journal = new Journal(logger);
  let nowMs: () => number = () => Date.now();
  const watch = new WorkerWatch(journal, metrics, () => nowMs());
  const name = `worker-${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  const store = await openStore(settings, {
    purpose: 'worker',
    name,
    waitsForHints: true,
    hooks: {
      onOddity: (oddity) => watch.foreignJob(oddity),
      onRecovered: (_destination, ids) => watch.recovered(ids.length),
      onError: (error) => watch.held(error),
    },
  });
  nowMs = () => store.clock.nowMs();
  lifecycle.onStop({ stage: 'store', name: 'redis', limitMs: 5000, stop: async () => store.close() });
  const edges = await createEdges({ settings, store, name, watch, journal, metrics });
  lifecycle.onStop({
    stage: 'peers',
    name: 'connections',
    limitMs: farewellMs + closingMs,
    // A host that does not answer QUIT, or still has not answered a message, is no failure of ours.
    stop: async (hasten) => {
      await within(edges.close(), { limitMs: farewellMs, hasten, hastenedMs: 100 });
    },
  });
  const worker = new Worker({ settings, store, edges, watch, metrics, name, lifecycle });
  lifecycle.onStop({
    stage: 'work',
    name: 'deliveries',
    limitMs: settings.worker.drainSeconds * 1000 + closingMs,
    stop: async () => worker.stop(settings.worker.drainSeconds * 1000),
  });
  const operations = await startOperationsServer({
    listen: settings.worker.listen,
    registry,
    readiness: () => worker.readiness(),
  });
  lifecycle.onStop({ stage: 'report', name: 'metrics', limitMs: 1000, stop: async () => operations.close() });
  worker.start();
  lifecycle.listening('metrics', `${operations.address.host}:${operations.address.port}`);
}
