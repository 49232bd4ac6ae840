/** The edges of this process: connections to hosts, the shared rotation, the route table, and what is remembered of them. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Store } from '@mailwheel/assembly';
import { resolverFor, rotationFor } from '@mailwheel/assembly';
import { createDelivery, type Delivery, type DeliveryOptions } from '@mailwheel/delivery';
import { readSecretFile } from '@mailwheel/lifecycle';
import type { ExplainingResolver, RoutesEvent } from '@mailwheel/resolver';
import type { Rotation } from '@mailwheel/rotation';
import type { Host } from '@mailwheel/routing';
import type { Settings } from '@mailwheel/settings';
import { PlainTextMemory, SuccessTally } from './attempt/memory.ts';
import type { LeaseClient } from './upkeep/sweep-duty.ts';
import type { Journal } from './watch/journal.ts';
import type { WorkerMetrics, WorkerWatch } from './watch/worker-watch.ts';

export interface Edges {
  readonly rotation: Rotation;
  readonly delivery: Delivery;
  readonly resolver: ExplainingResolver;
  readonly tally: SuccessTally;
  readonly plainText: PlainTextMemory;
  /** Redis, for the duty lease of the sweeper. */
  readonly leases: LeaseClient;
  memory(): Promise<{ readonly usedBytes: number; readonly maxBytes: number }>;
  close(): Promise<void>;
}

export interface EdgeOptions {
  readonly settings: Settings;
  readonly store: Store;
  readonly name: string;
  readonly watch: WorkerWatch;
  readonly journal: Journal;
  readonly metrics: WorkerMetrics;
}

const plainTextKeepMs = 3_600_000;
const hostsRememberedMax = 10_000;

export async function createEdges(options: EdgeOptions): Promise<Edges> {
  const { settings, store } = options;
  const resolver = await resolverFor(settings, (event) => tellRoutes(options, event));
  const rotation = rotationFor(settings, store.client);
  const delivery = deliveryFor(options, rotation);
  return {
    rotation,
    delivery,
    resolver,
    tally: new SuccessTally(hostsRememberedMax),
    plainText: new PlainTextMemory({ keepMs: plainTextKeepMs, hostsMax: hostsRememberedMax }),
    leases: store.client,
    memory: async () => memoryOf(store),
    close: async () => {
      await delivery.close();
      await resolver.close();
    },
  };
}

function deliveryFor(options: EdgeOptions, rotation: Rotation): Delivery {
  const { settings, store, watch, journal, metrics, name } = options;
  const seconds = settings.delivery;
  const dcids = store.numbers('dcid');
  const open = (host: Host, by: number): void => metrics.hosts.connectionsOpen.add({ host: host.label }, by);
  return createDelivery({
    ...authorities(seconds.tlsCaFile),
    hostname: settings.hostname,
    timeouts: {
      connectMs: seconds.connectSeconds * 1000,
      greetingMs: seconds.greetingSeconds * 1000,
      commandMs: seconds.commandSeconds * 1000,
      dataMs: seconds.dataSeconds * 1000,
      bodyBlockMs: seconds.bodyBlockSeconds * 1000,
      finalReplyMs: seconds.finalReplySeconds * 1000,
    },
    messagesPerConnectionMax: seconds.messagesPerConnectionMax,
    idleConnectionMs: seconds.idleConnectionSeconds * 1000,
    nextConnectionNumber: async () => dcids.next(),
    readSecret: async (file) => readSecretFile('nextHops.auth.passwordFile', file),
    events: {
      mayOpen: async (host, connectionId) => rotation.openConnection(host, `${name}:${connectionId}`),
      opened: ({ host, connectionNumber, localAddress }) => {
        open(host, 1);
        journal.log({
          event: 'dcid-open',
          dcid: connectionNumber,
          interfaceAddress: localAddress,
          address: host.address,
          port: host.port,
        });
      },
      closed: ({ host, connectionNumber, connectionId }) => {
        if (connectionNumber > 0) {
          open(host, -1);
          journal.log({ event: 'dcid-close', dcid: connectionNumber });
        }
        // A lease that cannot be returned now runs out by itself.
        rotation
          .closeConnection(host, `${name}:${connectionId}`)
          .catch((cause: unknown) => watch.held(cause));
      },
    },
  });
}

/**
 * A bad file stops the start, rather than every delivery that verifies a certificate. The certificate is parsed here: node:tls
 * takes a file without one and trusts nobody more for it.
 */
function authorities(caFile: string | undefined): Pick<DeliveryOptions, 'tls'> {
  if (caFile === undefined) return {};
  try {
    void new X509Certificate(readFileSync(caFile));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`delivery.tlsCaFile: ${caFile} is no file of certificates (PEM): ${why}`, { cause });
  }
  return { tls: { caFile } };
}

function tellRoutes({ journal, metrics }: EdgeOptions, event: RoutesEvent): void {
  if (event.kind === 'loaded') {
    metrics.process.routeReloads.add({ result: 'loaded' });
    journal.log({ event: 'routes-reloaded', file: event.file, routes: event.routes });
    return;
  }
  metrics.process.routeReloads.add({ result: 'refused' });
  journal.log({ event: 'routes-refused', file: event.file, problems: event.message.split('\n') });
}

/** Of the fullest primary: it is the one that refuses first. */
async function memoryOf(store: Store): Promise<{ usedBytes: number; maxBytes: number }> {
  const infos = await store.infos('memory');
  const used = infos.map((info) => Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? 0));
  return { usedBytes: Math.max(...used), maxBytes: store.maxmemoryBytes };
}
