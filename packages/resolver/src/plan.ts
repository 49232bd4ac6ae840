/** From what a route and DNS say to the plan for a destination's mail, with the time it may be kept and its reasons. */
import { addressScope, destinationAddress, type DestinationKey } from '@mailwheel/envelope';
import {
  mailHostsKey,
  noNextHops,
  portDefault,
  tiersFor,
  type MailHost,
  type Plan,
  type Route,
  type RouteHost,
  type TierRequest,
} from '@mailwheel/routing';
import {
  addressHostOf,
  mailHostsOf,
  type MailHostsResult,
  type NoHostsReason,
  type Self,
} from './mail-hosts.ts';
import type { DnsLookup } from './types.ts';

/** `routeKey` of plans that no route decided. */
export const dnsRouteKey = 'DNS';

export interface Planned {
  readonly plan: Plan;
  readonly notes: readonly string[];
  readonly ttlSeconds: number;
}

export interface PlanContext {
  readonly lookup: DnsLookup;
  readonly self: Self;
  readonly allowPrivate: boolean;
  /** How hosts become tiers: `cursor`, `hosts` and `mailHosts` are filled in here. */
  readonly tiers: () => Omit<TierRequest, 'cursor' | 'hosts' | 'mailHosts'>;
}

type NamedHost = Extract<RouteHost, { readonly name: string }>;

const codes: Readonly<
  Record<NoHostsReason, { readonly kind: 'bounce' | 'defer'; readonly enhancedCode: string }>
> = {
  'no-such-domain': { kind: 'bounce', enhancedCode: '5.1.2' },
  'null-mx': { kind: 'bounce', enhancedCode: '5.1.10' },
  'loops-back': { kind: 'bounce', enhancedCode: '5.4.6' },
  'no-hosts': { kind: 'bounce', enhancedCode: '5.4.4' },
  'dns-failed': { kind: 'defer', enhancedCode: '4.4.3' },
};

/** The plan of a route, if it takes no question to make it: keywords, and hosts that are all addresses. */
export function planWithoutDns(route: Route, context: PlanContext): Planned | undefined {
  if (route.target.kind === 'discard') {
    return { plan: { kind: 'discard', routeKey: route.key }, notes: [], ttlSeconds: Infinity };
  }
  if (route.target.kind === 'dns' || route.target.hosts.some((host) => 'name' in host)) return undefined;
  return planHosts(route.key, route.target.hosts, new Map(), context);
}

/** The plan of a route with names. Whatever DNS says, mail of a route is never bounced and never goes elsewhere: it waits. */
export async function planRoute(
  key: string,
  hosts: readonly RouteHost[],
  context: PlanContext,
): Promise<Planned> {
  const named = new Map(
    hosts.filter((host) => 'name' in host).map((host) => [mailHostsKey(host), host] as const),
  );
  const found = await Promise.all(
    Array.from(named, async ([asked, host]) => [asked, await mailHostsOfRoute(host, context)] as const),
  );
  return planHosts(key, hosts, new Map(found), context);
}

/** The plan of a destination that DNS decides; `routeKey` names the USEDNS entry, if one said so. */
export async function planDomain(
  destination: DestinationKey,
  routeKey: string,
  context: PlanContext,
): Promise<Planned> {
  const address = destinationAddress(destination);
  if (address !== undefined) return planLiteral(destination, address, routeKey, context);
  const { lookup, self, allowPrivate } = context;
  const found = await mailHostsOf(destination, lookup, { self, allowPrivate, routed: false });
  const { notes, ttlSeconds } = found;
  if (found.kind === 'none') {
    return { plan: { ...codes[found.reason], routeKey, text: sentence(found.detail) }, notes, ttlSeconds };
  }
  const host: RouteHost = { kind: 'name', name: destination, port: portDefault, priority: 0 };
  const tiers = tiersFor({
    ...context.tiers(),
    // A next-hop policy is for hosts that a route names: a stranger's MX record must not get our password.
    nextHops: noNextHops,
    cursor: destination,
    hosts: [host],
    mailHosts: new Map([[destination, found.mailHosts]]),
  });
  return {
    plan: tiers.length > 0 ? { kind: 'tiers', routeKey, tiers } : noFamily(routeKey),
    notes,
    ttlSeconds,
  };
}

function planLiteral(
  destination: DestinationKey,
  address: string,
  routeKey: string,
  context: PlanContext,
): Planned {
  const refuse = (reason: NoHostsReason, text: string): Planned => ({
    plan: { ...codes[reason], routeKey, text },
    notes: [],
    ttlSeconds: Infinity,
  });
  if (context.self.addresses.has(address))
    return refuse('loops-back', `The address ${address} is this system`);
  const scope = addressScope(address);
  if (!context.allowPrivate && scope !== 'public' && scope !== 'documentation') {
    return refuse('no-hosts', `The ${scope} address ${address} needs a route to be delivered to`);
  }
  const kind = address.includes(':') ? 'ipv6' : 'ipv4';
  const tiers = tiersFor({
    ...context.tiers(),
    nextHops: noNextHops,
    cursor: destination,
    hosts: [{ kind, address, port: portDefault, priority: 0 }],
    mailHosts: new Map(),
  });
  const plan: Plan = tiers.length > 0 ? { kind: 'tiers', routeKey, tiers } : noFamily(routeKey);
  return { plan, notes: [], ttlSeconds: Infinity };
}

function mailHostsOfRoute(host: NamedHost, context: PlanContext): Promise<MailHostsResult> {
  const { lookup, self } = context;
  return host.kind === 'bracketed'
    ? addressHostOf(host.name, lookup)
    : mailHostsOf(host.name, lookup, { self, allowPrivate: true, routed: true });
}

function planHosts(
  key: string,
  hosts: readonly RouteHost[],
  found: ReadonlyMap<string, MailHostsResult>,
  context: PlanContext,
): Planned {
  const results = Array.from(found.values());
  const missing = results.filter((result) => result.kind === 'none');
  const notes = results.flatMap((result) =>
    result.kind === 'none' ? [...result.notes, `${result.detail}: left out`] : result.notes,
  );
  const mailHosts = new Map<string, readonly MailHost[]>();
  for (const [name, result] of found) if (result.kind === 'hosts') mailHosts.set(name, result.mailHosts);
  const tiers = tiersFor({ ...context.tiers(), cursor: key, hosts, mailHosts });
  const ttlSeconds = Math.min(...results.map((result) => result.ttlSeconds));
  if (tiers.length > 0) return { plan: { kind: 'tiers', routeKey: key, tiers }, notes, ttlSeconds };
  const first = missing[0];
  if (first === undefined) return { plan: noFamily(key), notes, ttlSeconds };
  const text = `No host of the route ${key} can be found: ${first.detail}`;
  return { plan: { kind: 'defer', routeKey: key, enhancedCode: '4.4.3', text }, notes, ttlSeconds };
}

function noFamily(routeKey: string): Plan {
  const text =
    'No mail host has an address of a family that this machine can reach and delivery.ipPreference allows';
  return { kind: 'defer', routeKey, enhancedCode: '4.4.4', text };
}

function sentence(detail: string): string {
  return `${detail.charAt(0).toUpperCase()}${detail.slice(1)}`;
}
