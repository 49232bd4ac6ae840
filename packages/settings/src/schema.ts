/** The tree of all settings. Its sections live in `schema/`, one file a subject. */
import { list, optional, section, type Field } from './field.ts';
import { bounce, bounced, type BouncedSettings, type BounceSettings } from './schema/bounce.ts';
import { consoleSection, type ConsoleSettings } from './schema/console.ts';
import { delivery, type DeliverySettings } from './schema/delivery.ts';
import { ingress, type IngressSettings } from './schema/ingress.ts';
import { hostHealth, retry, type HostHealthSettings, type RetryScheduleSettings } from './schema/pacing.ts';
import { dataFolder, hostName, ipAddress } from './schema/paths.ts';
import { redis, store, type RedisSettings, type StoreSettings } from './schema/redis.ts';
import {
  destinations,
  nextHops,
  routes,
  routesFile,
  routesReloadSeconds,
  type DestinationSettings,
  type NextHopSettings,
} from './schema/routing.ts';
import type { SmtpIngressSettings } from './schema/smtp.ts';
import {
  clock,
  dns,
  log,
  metrics,
  type ClockSettings,
  type DnsSettings,
  type LogSettings,
  type MetricsSettings,
} from './schema/surroundings.ts';
import { worker, type WorkerSettings } from './schema/worker.ts';

/** What the file and the environment say, checked and with defaults, before it is known who will use it. */
export interface WrittenSettings {
  readonly hostname?: string | undefined;
  readonly ownNames: readonly string[];
  readonly ownAddresses: readonly string[];
  readonly dataFolder: string;
  readonly redis: RedisSettings;
  readonly store: StoreSettings;
  readonly ingress: IngressSettings;
  readonly worker: WorkerSettings;
  readonly console: ConsoleSettings;
  readonly routes?: string | undefined;
  readonly routesFile?: string | undefined;
  readonly routesReloadSeconds: number;
  readonly nextHops: Readonly<Record<string, NextHopSettings>>;
  readonly retry: RetryScheduleSettings;
  readonly hostHealth: HostHealthSettings;
  readonly delivery: DeliverySettings;
  readonly destinations: Readonly<Record<string, DestinationSettings>>;
  readonly bounce: BounceSettings;
  readonly bounced: BouncedSettings;
  readonly dns: DnsSettings;
  readonly clock: ClockSettings;
  readonly log: LogSettings;
  readonly metrics: MetricsSettings;
}

/** Settings as a role uses them (`resolveFor`): what depends on the role or the machine is decided. */
export interface Settings extends WrittenSettings {
  readonly hostname: string;
  readonly ingress: IngressSettings & {
    readonly smtp: SmtpIngressSettings & { readonly trustedNetworks: readonly string[] };
  };
  readonly destinations: Readonly<Record<string, DestinationSettings>> & {
    readonly default: DestinationSettings;
  };
}

export const tree: Field<WrittenSettings> = section<WrittenSettings>('All settings.', {
  hostname: optional(
    hostName(
      'Name of this mail system in the greeting, EHLO, Received lines and bounces; absent: that of the machine.',
    ),
  ),
  ownNames: list(
    hostName('Further host names of this mail system; MX records that name them are a loop (5.4.6).'),
    { entriesMax: 100 },
  ),
  ownAddresses: list(
    ipAddress('IP addresses of this mail system; MX records that lead to them are a loop (5.4.6).'),
    { entriesMax: 100 },
  ),
  dataFolder,
  redis,
  store,
  ingress,
  worker,
  console: consoleSection,
  routes,
  routesFile,
  routesReloadSeconds,
  nextHops,
  retry,
  hostHealth,
  delivery,
  destinations,
  bounce,
  bounced,
  dns,
  clock,
  log,
  metrics,
});
