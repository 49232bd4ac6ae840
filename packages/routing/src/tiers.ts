/**
 * From the hosts of a route and the addresses they lead to, to tiers: the groups among which the rotation turns. A tier is
 * (route priority, MX preference, rank of the address family). Within a tier hosts stand in written order; ties of the
 * cursor go by it, so every process must build the same order.
 */
import { addressScope, parseIpAddress } from '@mailwheel/envelope';
import { noNextHops, policyDigest, policyFor } from './policy.ts';
import type { NextHops } from './policy.ts';
import type { Host, IpPreference, NextHopPolicy, RouteHost, Tier } from './types.ts';

/** A mail host that a name led to: itself after A/AAAA (preference 0), or each of its MX targets. */
export interface MailHost {
  readonly name: string;
  /** MX preference; 0 where no MX record was asked or found. */
  readonly preference: number;
  /** Canonical addresses of both families, in any order. */
  readonly addresses: readonly string[];
}

/** Address families this machine can connect to; loopback addresses are always kept. */
export interface ReachableFamilies {
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

export interface TierRequest {
  /** First half of the cursor keys: route key, or destination if DNS decides. */
  readonly cursor: string;
  readonly hosts: readonly RouteHost[];
  /** What each name leads to now, by `mailHostsKey`; a name that is missing leads nowhere. */
  readonly mailHosts: ReadonlyMap<string, readonly MailHost[]>;
  readonly ipPreference: IpPreference;
  readonly reachable: ReachableFamilies;
  readonly nextHops: NextHops;
  readonly defaults: NextHopPolicy;
}

interface Placed {
  readonly rank: readonly [priority: number, preference: number, family: number];
  readonly host: Host;
}

/**
 * The tiers in the order they are asked; empty if no host has an address of a reachable family. A host (address, port and
 * policy) that occurs twice counts once, in the first tier it occurs in.
 */
export function tiersFor(request: TierRequest): Tier[] {
  const placed = request.hosts
    .flatMap((host) => place(request, host))
    .toSorted((one, other) => compareRanks(one.rank, other.rank));
  const seen = new Set<string>();
  const tiers = new Map<string, Host[]>();
  for (const { rank, host } of placed) {
    if (seen.has(host.key)) continue;
    seen.add(host.key);
    const key = `${request.cursor}:${rankText(rank)}`;
    const hosts = tiers.get(key);
    if (hosts === undefined) tiers.set(key, [host]);
    else hosts.push(host);
  }
  return Array.from(tiers, ([key, hosts]) => ({ key, hosts }));
}

/** How a named host stands in `mailHosts`: `name` by its MX records, `[name]` by its own addresses. */
export function mailHostsKey(host: Extract<RouteHost, { readonly name: string }>): string {
  return host.kind === 'bracketed' ? `[${host.name}]` : host.name;
}

/** `10.0.0.1:25`, `[2001:db8::1]:25`. */
export function hostLabel(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function place(request: TierRequest, written: RouteHost): Placed[] {
  const policy = policyFor(request.nextHops, request.defaults, written);
  const usual = policyFor(noNextHops, request.defaults, written);
  if ('address' in written) {
    // An address as written is what the operator wants whatever the preference; only a family without a road is left out.
    if (!isReachable(request.reachable, written.address)) return [];
    const host = hostAt({ address: written.address, port: written.port, policy, usual });
    return [{ rank: [written.priority, 0, 0], host }];
  }
  return (request.mailHosts.get(mailHostsKey(written)) ?? []).flatMap((mailHost) =>
    usableFamilies(request, mailHost.addresses).flatMap((addresses, family) =>
      addresses.map((address) => ({
        rank: [written.priority, mailHost.preference, family] as const,
        host: hostAt({ address, port: written.port, policy, usual, name: mailHost.name }),
      })),
    ),
  );
}

/** Addresses of one name by family, the preferred first; families that are unwanted, unreachable or empty are left out. */
function usableFamilies(request: TierRequest, addresses: readonly string[]): string[][] {
  const order: Readonly<Record<IpPreference, readonly ('ipv4' | 'ipv6')[]>> = {
    'prefer-ipv4': ['ipv4', 'ipv6'],
    'prefer-ipv6': ['ipv6', 'ipv4'],
    'require-ipv4': ['ipv4'],
    'require-ipv6': ['ipv6'],
  };
  return order[request.ipPreference]
    .map((family) =>
      addresses.filter((address) => familyOf(address) === family && isReachable(request.reachable, address)),
    )
    .filter((ofFamily) => ofFamily.length > 0)
    .map((ofFamily) => ofFamily.toSorted(compareText));
}

/** A machine reaches itself whatever its network. */
function isReachable(reachable: ReachableFamilies, address: string): boolean {
  return reachable[familyOf(address)] || addressScope(address) === 'loopback';
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return parseIpAddress(address)?.family === 4 ? 'ipv4' : 'ipv6';
}

interface Placement {
  readonly address: string;
  readonly port: number;
  readonly policy: NextHopPolicy;
  /** What the host would be spoken to without an entry of its own. */
  readonly usual: NextHopPolicy;
  readonly name?: string;
}

function hostAt({ address, port, policy, usual, name }: Placement): Host {
  const label = hostLabel(address, port);
  const digest = policyDigest(policy, name);
  const special = digest !== policyDigest(usual, undefined);
  return {
    key: special ? `${label}|${digest}` : label,
    label,
    address,
    port,
    policy,
    ...(name === undefined ? {} : { name }),
  };
}

function rankText(rank: Placed['rank']): string {
  const [priority, preference, family] = rank;
  if (family > 0) return `${priority}.${preference}.${family}`;
  return preference > 0 ? `${priority}.${preference}` : String(priority);
}

function compareRanks(one: Placed['rank'], other: Placed['rank']): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}

/** By code units: the same on every machine, whatever its locale. */
function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
