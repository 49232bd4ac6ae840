/**
 * Where a destination's mail goes now: the route table in force (inline or a watched file), else the MX rules over DNS,
 * as a plan of tiers, or as the reason why there is none. Plans are kept for their TTL.
 */
export type * from './types.ts';
export { openResolver } from './open-resolver.ts';
export { RoutesUnusableError, routesFileBytesMax } from './route-source.ts';
export { openDnsLookup, mxTtlSeconds } from './dns-lookup.ts';
export { familiesOf } from './reachable-families.ts';
export { dnsRouteKey } from './plan.ts';
export { addressesPerNameMax, failureTtlSeconds, mxTargetsMax, negativeTtlSeconds } from './mail-hosts.ts';
