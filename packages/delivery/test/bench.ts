/** A delivery against scripted hosts, with what tests of it say over and over. */
import type { DestinationKey, Recipient } from '@mailwheel/envelope';
import type { Host, NextHopPolicy } from '@mailwheel/routing';
import { startSmtpHost, type HostOptions, type HostScript, type SmtpHost } from '@mailwheel/testkit';
import type { Happening } from '@mailwheel/verdict';
import {
  createDelivery,
  deliveryTimeoutsDefault,
  type Delivery,
  type DeliveryOptions,
  type DeliveryTimeouts,
  type TransactionReport,
  type TransactionRequest,
} from '../src/index.ts';

type Overrides = Partial<Omit<DeliveryOptions, 'timeouts'>> & { timeouts?: Partial<DeliveryTimeouts> };

export interface Bench {
  readonly delivery: Delivery;
  /** Numbers of the connections that `events` told of. */
  readonly opened: number[];
  readonly closed: number[];
  /** Starts a host that is stopped with the bench. */
  host(script?: HostScript, options?: HostOptions): Promise<SmtpHost>;
  /** One message to `b@dest.example`, unless told otherwise; throws when busy. */
  deliver(host: Host, overrides?: Partial<TransactionRequest>): Promise<TransactionReport>;
  stop(): Promise<void>;
}

export function createBench(overrides: Overrides = {}): Bench {
  const opened: number[] = [];
  const closed: number[] = [];
  const hosts: SmtpHost[] = [];
  let connections = 0;
  const delivery = createDelivery({
    hostname: 'relay.example',
    messagesPerConnectionMax: 1000,
    idleConnectionMs: 15_000,
    nextConnectionNumber: () => (connections += 1),
    readSecret: () => 'secret',
    events: {
      mayOpen: async () => true,
      opened: (event) => opened.push(event.connectionNumber),
      closed: (event) => closed.push(event.connectionNumber),
    },
    ...overrides,
    timeouts: { ...deliveryTimeoutsDefault, ...overrides.timeouts },
  });
  return {
    delivery,
    opened,
    closed,
    host: async (script, options) => {
      const host = await startSmtpHost(script, options);
      hosts.push(host);
      return host;
    },
    deliver: async (host, more = {}) => {
      const report = await delivery.transact(requestFor(host, more));
      if ('kind' in report) throw new Error('busy');
      return report;
    },
    stop: async () => {
      for (const host of hosts) await host.stop();
      await delivery.close();
    },
  };
}

export function requestFor(host: Host, overrides: Partial<TransactionRequest> = {}): TransactionRequest {
  return {
    host,
    reversePath: 'a@src.example',
    recipients: recipients('b@dest.example'),
    body: Buffer.from('Subject: x\r\n\r\nHello.\r\n'),
    smtpUtf8: false,
    bodyType: '7BIT',
    fence: () => true,
    fresh: false,
    plainText: false,
    withoutPipelining: false,
    deadlineMs: performance.now() + 60_000,
    ...overrides,
  };
}

export function recipients(...addresses: string[]): Recipient[] {
  const destination = 'dest.example' as DestinationKey;
  return addresses.map((address, index) => ({ index, address, destination }));
}

/** A scripted host as routing would describe it. */
export function hostOf(host: SmtpHost, policy: Partial<NextHopPolicy> = {}, name?: string): Host {
  return {
    key: `${host.address}:${host.port}|${JSON.stringify(policy)}`,
    label: `${host.address}:${host.port}`,
    address: host.address,
    port: host.port,
    policy: { tls: 'opportunistic', ...policy },
    ...(name === undefined ? {} : { name }),
  };
}

/** The reply or the trouble, with its phase: `mail 452 4.3.1 full`, `final lost`. */
export function wordsOf(happening: Happening | undefined): string {
  if (happening === undefined) return 'nothing';
  const { cause, phase } = happening;
  return `${phase} ${cause.kind === 'reply' ? cause.reply.line : cause.trouble}`;
}
