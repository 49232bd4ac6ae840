/** The two listeners over one store: what they share (budget, intake, limits), how they open and how they drain. */
import type { Store } from '@mailwheel/assembly';
import type { ExplainingResolver } from '@mailwheel/resolver';
import type { ListenAddress, Settings } from '@mailwheel/settings';
import type { FastifyInstance } from 'fastify';
import type { Socket } from 'node:net';
import { createHttpApi } from './http/server.ts';
import { createAccess } from './http/tokens.ts';
import { Uploads } from './http/upload.ts';
import type { Journal } from './journal.ts';
import { literalsAllowed } from './literals.ts';
import { BodyBudget } from './message/bodies-in-flight.ts';
import { createIntake, type Intake } from './message/intake.ts';
import type { MailboxContext } from './smtp/policy.ts';
import { SmtpDoors, type SmtpAddresses } from './smtp-doors.ts';
import { trustedNetworks, type TrustedNetworks } from './smtp/trusted-networks.ts';

export interface DoorsOptions {
  readonly settings: Settings;
  readonly store: Pick<Store, 'client' | 'acceptor' | 'clock' | 'spool' | 'queues' | 'numbers'>;
  readonly resolver: Pick<ExplainingResolver, 'routeTable'>;
  readonly journal: Pick<Journal, 'report'>;
  /** A client connection opened or closed. */
  readonly onConnections: (protocol: 'smtp' | 'http', change: 1 | -1) => void;
}

export interface Doors {
  /** Resolves with the real addresses when all listeners answer; rejects with a sentence if one cannot. */
  open(): Promise<SmtpAddresses & { readonly http: ListenAddress }>;
  /** See `SmtpListener.drain`; HTTP requests in progress are finished as well. */
  drain(limitMs: number, hasten: AbortSignal): Promise<void>;
  bodiesInFlightBytes(): number;
}

/** How long one message may exceed the budget for bodies before it is shed. */
const overdraftMs = 60_000;

/** Builds both listeners; nothing listens yet. */
export function createDoors(options: DoorsOptions): Doors {
  const shared = sharedBy(options);
  const smtp = smtpDoors(options, shared);
  const http = httpApi(options, shared);
  const { ingress } = options.settings;
  return {
    open: async () => {
      const addresses = await smtp.open();
      await http.listen({ host: ingress.http.listen.host, port: ingress.http.listen.port });
      const bound = http.server.address();
      const httpPort = bound === null || typeof bound === 'string' ? ingress.http.listen.port : bound.port;
      return {
        ...addresses,
        http: { ...ingress.http.listen, port: httpPort },
      };
    },
    drain: async (limitMs, hasten) => {
      await Promise.all([smtp.drain(limitMs, hasten), closeHttp(http, limitMs, hasten)]);
    },
    bodiesInFlightBytes: () => shared.budget.heldBytes,
  };
}

interface Shared {
  readonly budget: BodyBudget;
  readonly intake: Intake;
  readonly trusted: TrustedNetworks;
  readonly mailboxes: MailboxContext;
}

function sharedBy({ settings, store, resolver, journal }: DoorsOptions): Shared {
  const { hostname, ingress } = settings;
  return {
    budget: new BodyBudget({ bytesMax: ingress.bodiesInFlightBytes, overdraftMs }),
    intake: createIntake({
      acceptor: store.acceptor,
      hostname,
      hopsMax: ingress.smtp.hopsMax,
      shards: settings.redis.shards,
      report: journal.report,
      nowMs: () => store.clock.nowMs(),
      elapsedMs: () => performance.now(),
    }),
    trusted: trustedNetworks(ingress.smtp.trustedNetworks),
    mailboxes: {
      limits: ingress.smtp,
      hostname,
      literalAllowed: literalsAllowed(() => resolver.routeTable(), settings.dns),
    },
  };
}

function smtpDoors(options: DoorsOptions, shared: Shared): SmtpDoors {
  const { settings, store, journal } = options;
  const { smtp, smtps } = settings.ingress;
  const numbers = store.numbers('icid');
  return new SmtpDoors({
    smtp,
    smtps,
    client: store.client,
    onConnections: (change) => options.onConnections('smtp', change),
    rules: {
      ...shared,
      ...shared.mailboxes,
      admission: () => store.acceptor.admission(),
      nextConnectionNumber: () => numbers.next(),
      report: journal.report,
    },
  });
}

function httpApi(options: DoorsOptions, shared: Shared): FastifyInstance {
  const { settings, store, journal } = options;
  const { http, smtp } = settings.ingress;
  const api = createHttpApi({
    ...shared,
    access: createAccess({ ...http, trusted: shared.trusted }),
    uploads: new Uploads(shared.budget, http.bodyBytesMax),
    bodyBytesMax: http.bodyBytesMax,
    requestMsMax: http.requestSeconds * 1000,
    messageBytesMax: smtp.messageBytesMax,
    messages: store.spool,
    jobs: store.queues,
    report: journal.report,
  });
  api.server.on('connection', (socket: Socket) => {
    options.onConnections('http', 1);
    socket.once('close', () => options.onConnections('http', -1));
  });
  return api;
}

/** fastify answers requests in progress and closes idle connections; what is left at the end is cut. */
async function closeHttp(http: FastifyInstance, limitMs: number, hasten: AbortSignal): Promise<void> {
  const cut = (): void => http.server.closeAllConnections();
  const timer = setTimeout(cut, limitMs);
  hasten.addEventListener('abort', cut, { once: true });
  try {
    await http.close();
  } finally {
    clearTimeout(timer);
    hasten.removeEventListener('abort', cut);
  }
}
