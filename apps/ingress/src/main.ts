/**
 * The ingress role: takes mail over SMTP and HTTP and stores it durably. `run` resolves when it is in service; its stop
 * steps are in the lifecycle (listeners first, then what is in progress, then Redis).
 */
import { openStore, type Store } from '@mailwheel/assembly';
import type { Lifecycle } from '@mailwheel/lifecycle';
import { openResolver, type ExplainingResolver } from '@mailwheel/resolver';
import { formatListen, type Settings } from '@mailwheel/settings';
import {
  chooseFormat,
  createLogger,
  createRegistry,
  labelBounds,
  startOperationsServer,
  type Readiness,
} from '@mailwheel/telemetry';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { createDoors } from './doors.ts';
import { Journal, registerIngressMetrics } from './journal.ts';

export interface RunOptions {
  readonly settings: Settings;
  readonly lifecycle: Lifecycle;
  readonly configPath?: string;
}

/** What is left of a stop step's time for sockets to close after `drainSeconds`. */
const closingMs = 6000;
/** How long listening waits for the store to be known open; after that clients are told what is known. */
const firstLookMsMax = 5000;
const firstLookStepMs = 5;

/** Rejects with a sentence when it cannot start. */
export async function run({ settings, lifecycle }: RunOptions): Promise<void> {
  const registry = createRegistry();
  const metrics = registerIngressMetrics(registry, labelBounds(settings.metrics));
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
  const journal = new Journal(logger, metrics);
  const resolver = await openRoutes(settings, journal);
  lifecycle.onStop({ stage: 'peers', name: 'routes', limitMs: 1000, stop: async () => resolver.close() });
  const store = await openStore(settings, {
    purpose: 'producer',
    name: `ingress-${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`,
    hooks: { onError: (error) => journal.trouble('redis', error) },
  });
  lifecycle.onStop({ stage: 'store', name: 'redis', limitMs: 5000, stop: async () => store.close() });
  const doors = createDoors({
    settings,
    store,
    resolver,
    journal,
    onConnections: (protocol, change) => metrics.ingress.clientConnections.add({ protocol }, change),
  });
  metrics.process.redisUp.readFrom(() => (store.connected() ? 1 : 0));
  metrics.process.clockSkewSeconds.readFrom(() => store.clock.skewMs() / 1000);
  metrics.process.bodiesInFlightBytes.readFrom(() => doors.bodiesInFlightBytes());
  const operations = await startOperationsServer({
    listen: settings.ingress.listen,
    registry,
    readiness: () => readiness(lifecycle, store),
  });
  lifecycle.onStop({ stage: 'report', name: 'metrics', limitMs: 1000, stop: async () => operations.close() });
  lifecycle.onStop({
    stage: 'intake',
    name: 'listeners',
    limitMs: settings.ingress.drainSeconds * 1000 + closingMs,
    stop: async (hasten) => doors.drain(settings.ingress.drainSeconds * 1000, hasten),
  });
  await firstLook(store);
  const addresses = await doors.open();
  lifecycle.listening('smtp', formatListen(addresses.smtp));
  if (addresses.smtps !== undefined) lifecycle.listening('smtps', formatListen(addresses.smtps));
  lifecycle.listening('http', formatListen(addresses.http));
  lifecycle.listening('metrics', formatListen(operations.address));
}

/** Until the acceptor has asked Redis once, every MAIL would get 451. */
async function firstLook(store: Store): Promise<void> {
  const endMs = performance.now() + firstLookMsMax;
  while (store.acceptor.admission().kind === 'unavailable' && performance.now() < endMs) {
    await setTimeout(firstLookStepMs);
  }
}

/** The ingress asks no DNS; it reads the routes to know which address literals have one. */
function openRoutes(settings: Settings, journal: Journal): Promise<ExplainingResolver> {
  const { routes, routesFile, routesReloadSeconds: reloadSeconds } = settings;
  const origin =
    routes !== undefined
      ? { text: routes }
      : routesFile !== undefined
        ? { file: routesFile, reloadSeconds }
        : undefined;
  return openResolver({
    ...(origin === undefined ? {} : { routes: origin }),
    self: { hostname: settings.hostname },
    onRoutes: (event) => {
      const { file } = event;
      if (event.kind === 'loaded') journal.log({ event: 'routes-reloaded', routes: event.routes, file });
      else journal.log({ event: 'routes-refused', file, problems: event.message.split('\n') });
    },
  });
}

/** Ready: mail would be taken now. A full store is not: other ingresses share it, and a client deserves its 452. */
function readiness(lifecycle: Lifecycle, store: Store): Readiness {
  const reasons: string[] = [];
  if (lifecycle.state() === 'draining') reasons.push('draining');
  if (!store.connected()) reasons.push('redis unavailable');
  else if (store.acceptor.admission().kind === 'unavailable') reasons.push('store unavailable');
  return { ready: reasons.length === 0, reasons };
}
