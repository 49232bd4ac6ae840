/** Settings of what surrounds delivery: DNS, clock, log, metrics. */
import { isIpAddress, parseListen } from '../addresses.ts';
import { choice, flag, list, section, text, whole, type Field } from '../field.ts';

export interface DnsSettings {
  readonly servers: readonly string[];
  readonly allowPrivate: boolean;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly cacheSecondsMax: number;
}

export interface ClockSettings {
  readonly skewMsMax: number;
}

export interface LogSettings {
  readonly format: 'auto' | 'json' | 'mail_logs' | 'pretty';
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly messages: 'all' | 'failures' | 'none';
}

export interface MetricsSettings {
  readonly destinationsMax: number;
  readonly hostsMax: number;
}

function isServer(value: string): boolean {
  const address = parseListen(value)?.host;
  return isIpAddress(value) || (address !== undefined && isIpAddress(address));
}

export const dns: Field<DnsSettings> = section<DnsSettings>('Looking up destinations.', {
  servers: list(
    text({
      expects: 'an IP address, optionally with :port',
      type: 'IP address',
      accepts: isServer,
      charactersMax: 60,
      says: 'DNS servers; empty: those of the system.',
    }),
    { entriesMax: 10 },
  ),
  allowPrivate: flag({
    initial: false,
    says: 'Deliver to loopback, link-local, private and multicast addresses found through DNS; routes may always name them.',
  }),
  timeoutMs: whole({
    min: 100,
    max: 60_000,
    initial: 5000,
    unit: 'milliseconds',
    says: 'Wait for the answer of a DNS server.',
  }),
  attempts: whole({
    min: 1,
    max: 10,
    initial: 2,
    unit: 'attempts',
    says: 'Times a DNS question is asked before it counts as unanswered.',
  }),
  cacheSecondsMax: whole({
    min: 0,
    max: 86_400,
    initial: 300,
    unit: 'seconds',
    says: 'Answers are kept for their time to live, but no longer than this.',
  }),
});

export const clock: Field<ClockSettings> = section<ClockSettings>('The clock of the machine.', {
  skewMsMax: whole({
    min: 50,
    max: 60_000,
    initial: 1000,
    unit: 'milliseconds',
    says: 'A process whose clock differs more than this from that of Redis takes no jobs and is not ready.',
  }),
});

export const log: Field<LogSettings> = section<LogSettings>('Log records, written to standard output.', {
  format: choice(['auto', 'json', 'mail_logs', 'pretty'], {
    initial: 'auto',
    says: 'JSON lines, lines in the mail_logs form, or coloured lines for people; auto: pretty on a terminal, else json.',
  }),
  level: choice(['debug', 'info', 'warn', 'error'], {
    initial: 'info',
    says: 'Least important records that are written.',
  }),
  messages: choice(['all', 'failures', 'none'], {
    initial: 'all',
    says: 'Which records about single messages are written: all, only failures, or none.',
  }),
});

export const metrics: Field<MetricsSettings> = section<MetricsSettings>('Limits of metric labels.', {
  destinationsMax: whole({
    min: 1,
    max: 10_000,
    initial: 50,
    unit: 'destinations',
    says: 'Destinations with their own metric series; the rest are counted as `other`.',
  }),
  hostsMax: whole({
    min: 1,
    max: 10_000,
    initial: 200,
    unit: 'hosts',
    says: 'Hosts with their own metric series; the rest are counted as `other`.',
  }),
});
