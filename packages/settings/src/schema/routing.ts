/** Settings of where mail goes: routes, policies of next hops, limits of destinations. */
import { choice, fraction, map, optional, requiredSection, text, whole, type Field } from '../field.ts';
import { file, hostName, ipAddress, userName } from './paths.ts';

export interface NextHopSettings {
  readonly tls?: 'none' | 'opportunistic' | 'require' | 'verify' | 'implicit' | undefined;
  readonly auth?: { readonly user: string; readonly passwordFile: string } | undefined;
  readonly heloName?: string | undefined;
  readonly sourceAddress?: string | undefined;
  readonly connectionsMax?: number | undefined;
  readonly tlsServerName?: string | undefined;
}

export interface DestinationSettings {
  readonly concurrencyMax: number;
}

export const routes: Field<string | undefined> = optional(
  text({
    expects: 'SMTP routes, one a line,',
    type: 'text, one route a line',
    charactersMax: 16_777_216,
    says: 'SMTP routes, one a line: key, white space, destination hosts separated by commas; `#` starts a comment.',
  }),
);

export const routesFile: Field<string | undefined> = optional(
  file('File of SMTP routes, instead of `routes`; a change is taken up by every running process.'),
);

export const routesReloadSeconds: Field<number> = fraction({
  min: 0.1,
  max: 3600,
  initial: 2,
  unit: 'seconds',
  says: 'Interval at which the routes file is looked at.',
});

const nextHop: Field<NextHopSettings> = requiredSection<NextHopSettings>('How to speak to one next hop.', {
  tls: optional(
    choice(['none', 'opportunistic', 'require', 'verify', 'implicit'], {
      says: 'TLS to this next hop; absent: `delivery.tls`.',
    }),
  ),
  auth: optional(
    requiredSection<{ readonly user: string; readonly passwordFile: string }>(
      'Login (SMTP AUTH) at this next hop.',
      {
        user: userName('User name.'),
        passwordFile: file('File whose first line is the password.'),
      },
    ),
  ),
  heloName: optional(hostName('Name given in EHLO; absent: `hostname`.')),
  sourceAddress: optional(ipAddress('Local address to connect from.')),
  connectionsMax: optional(
    whole({
      min: 1,
      max: 10_000,
      unit: 'connections',
      says: 'Connections of the whole tier to this next hop; absent: `delivery.connectionsPerHostMax`.',
    }),
  ),
  tlsServerName: optional(hostName('Name its certificate must carry; absent: the name in the route.')),
});

export const nextHops: Field<Readonly<Record<string, NextHopSettings>>> = map(nextHop, {
  keyIs: 'next hop (host as the route writes it, optionally `:port`)',
  entriesMax: 40_000,
  initial: {},
  says: 'TLS, login and limits of single next hops.',
});

const destination: Field<DestinationSettings> = requiredSection<DestinationSettings>(
  'Limits of one destination.',
  {
    concurrencyMax: whole({
      min: 1,
      max: 100_000,
      unit: 'deliveries',
      says: 'Deliveries to the destination at a time, over the whole tier.',
    }),
  },
);

export const destinations: Field<Readonly<Record<string, DestinationSettings>>> = map(destination, {
  keyIs: 'destination domain, or `default`',
  entriesMax: 40_000,
  initial: { default: { concurrencyMax: 500 } },
  says: 'Limits of single destination domains; `default` is for all others.',
});
