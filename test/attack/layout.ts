/** The plan with its ports: what the processes of an attack are given to find each other. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Plan, PlannedHost, Scale } from './plan.ts';
import { files, type Layout } from './records.ts';

export interface PlacedHost extends PlannedHost {
  readonly port: number;
  /** Where workers connect to: the host itself, or the proxy before it. */
  readonly doorPort: number;
}

export interface PlacedIngress {
  readonly name: string;
  readonly smtpPort: number;
  readonly httpPort: number;
  /** SMTP through a proxy that cuts connections. */
  readonly proxyPort: number;
}

export interface Place extends Layout {
  readonly folder: string;
  readonly plan: Plan;
  readonly scale: Scale;
  readonly hosts: readonly PlacedHost[];
  readonly ingresses: readonly PlacedIngress[];
  readonly consolePort: number;
}

/** Below the range from which systems take ports for outgoing connections (on Linux 32,768 and above). */
const portsFrom = 12_000;
const portsTo = 32_000;
const given = new Set<number>();

/**
 * A free port that stays free while its owner is dead: one of the ephemeral range would be taken by some connection, and a
 * process that is started again could not listen.
 */
async function lastingPort(): Promise<number> {
  for (;;) {
    const port = portsFrom + Math.floor(Math.random() * (portsTo - portsFrom));
    if (given.has(port)) continue;
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (free) {
      server.close();
      await once(server, 'close');
    }
    if (!free) continue;
    given.add(port);
    return port;
  }
}

export async function place(plan: Plan, scale: Scale, folder: string): Promise<Place> {
  const hosts: PlacedHost[] = [];
  for (const host of plan.hosts) {
    const port = await lastingPort();
    hosts.push({ ...host, port, doorPort: host.proxied ? await lastingPort() : port });
  }
  const ingresses: PlacedIngress[] = [];
  for (let index = 0; index < plan.ingresses; index += 1) {
    ingresses.push({
      name: `ingress-${index}`,
      smtpPort: await lastingPort(),
      httpPort: await lastingPort(),
      proxyPort: await lastingPort(),
    });
  }
  const hostsOf: Record<string, string[]> = {};
  for (const host of hosts) (hostsOf[host.domain] ??= []).push(host.name);
  return {
    folder,
    plan,
    scale,
    seed: plan.seed,
    shards: plan.shards,
    redisPort: await lastingPort(),
    lockMs: scale.lockSeconds * 1000,
    renewMs: scale.renewSeconds * 1000,
    homeDomain: plan.homeDomain,
    hostsOf,
    ingressLogs: Object.fromEntries(ingresses.map(({ name }) => [name, `${name}.log`])),
    hosts,
    ingresses,
    consolePort: await lastingPort(),
  };
}

export function readPlace(folder: string): Place {
  return JSON.parse(readFileSync(join(folder, files.layout), 'utf8')) as Place;
}

/** The tier's settings. Times are short, memory is kept for a short time, everything else is the default. */
export function settingsYaml(at: Place, log: 'all' | 'failures' | 'none'): string {
  const { scale, plan } = at;
  return stringify({
    hostname: 'relay.attack.test',
    redis: { url: `redis://127.0.0.1:${at.redisPort}`, shards: plan.shards },
    store: {
      tombstoneSeconds: scale.tombstoneSeconds,
      idempotencySeconds: scale.tombstoneSeconds,
      stagedSecondsMax: 10,
      sweepSeconds: 2,
    },
    ingress: {
      listen: '127.0.0.1:0',
      smtp: { trustedNetworks: ['127.0.0.0/8'] },
      http: { insecure: true },
      drainSeconds: scale.drainSeconds,
    },
    worker: {
      listen: '127.0.0.1:0',
      lockSeconds: scale.lockSeconds,
      lockRenewSeconds: scale.renewSeconds,
      stalledSeconds: 1,
      drainSeconds: scale.drainSeconds,
    },
    console: { listen: `127.0.0.1:${at.consolePort}` },
    routes: routesOf(at),
    retry: { firstWaitSeconds: 0.4, longestWaitSeconds: 3, maxAttempts: 10_000 },
    hostHealth: {
      firstRestSeconds: 0.4,
      longestRestSeconds: 3,
      aloneRestSeconds: 1,
      rampStartPerSecond: 50,
      probeLeaseSeconds: Math.max(3, scale.commandSeconds),
      shySeconds: 0.5,
    },
    delivery: {
      connectSeconds: scale.commandSeconds,
      greetingSeconds: scale.commandSeconds,
      commandSeconds: scale.commandSeconds,
      dataSeconds: scale.commandSeconds,
      bodyBlockSeconds: scale.commandSeconds,
      finalReplySeconds: scale.finalReplySeconds,
      attemptSeconds: 4 * scale.finalReplySeconds,
    },
    bounce: { wholeMessageBytesMax: 0 },
    bounced: { keepSeconds: 0 },
    dns: { allowPrivate: true },
    log: { format: 'json', level: 'info', messages: log },
  });
}

function routesOf(at: Place): string {
  return Object.keys(at.hostsOf)
    .map((domain) => {
      const doors = at.hosts
        .filter((host) => host.domain === domain)
        .map((host) => `127.0.0.1:${host.doorPort}/pri=${host.priority}`);
      return `${domain} ${doors.join(', ')}`;
    })
    .join('\n');
}
