/** Hosts, options and requests for the tests of this package. */
import type { DestinationKey } from '@mailwheel/envelope';
import type { Host, NextHopPolicy, Tier } from '@mailwheel/routing';
import type { RotationOptions } from './options.ts';
import type { Pick, PickRequest } from './types.ts';

const nobody: ReadonlySet<string> = new Set();

export function hostNamed(name: string, policy: Partial<NextHopPolicy> = {}): Host {
  return {
    key: `${name}:25`,
    label: `${name}:25`,
    address: name,
    port: 25,
    policy: { tls: 'opportunistic', ...policy },
  };
}

export function tierOf(key: string, ...names: readonly string[]): Tier {
  return { key, hosts: names.map((name) => hostNamed(name)) };
}

/** The settings' defaults, but for what a test is about. */
export function optionsWith(
  client: RotationOptions['client'],
  more: Partial<Omit<RotationOptions, 'client' | 'health'>> & {
    readonly health?: Partial<RotationOptions['health']>;
  } = {},
): RotationOptions {
  return {
    shySeconds: 5,
    connectionsPerHostMax: 100,
    initialConnections: 5,
    provenSeconds: 600,
    rotate: 'message',
    connectionLeaseSeconds: 60,
    ...more,
    client,
    health: {
      firstRestSeconds: 15,
      longestRestSeconds: 300,
      aloneRestSeconds: 30,
      restJitter: 0,
      rampStartPerSecond: 5,
      rampLevels: 6,
      probeLeaseSeconds: 60,
      ...more.health,
    },
  };
}

export function requestFor(tiers: readonly Tier[], more: Partial<PickRequest> = {}): PickRequest {
  return {
    destination: 'example.com' as DestinationKey,
    tiers,
    tried: nobody,
    warm: nobody,
    shy: nobody,
    leaseId: 'lease',
    ...more,
  };
}

/** The pick, which must name a host. */
export function hostOf(pick: Pick): Extract<Pick, { kind: 'host' }> {
  if (pick.kind === 'none')
    throw new Error(`nobody: ${pick.cause} until ${pick.retryAtMs - pick.nowMs} ms from now`);
  return pick;
}

/** The pick, which must name nobody. */
export function nobodyOf(pick: Pick): Extract<Pick, { kind: 'none' }> {
  if (pick.kind === 'host') throw new Error(`${pick.host.label} was picked: ${pick.mode}`);
  return pick;
}
