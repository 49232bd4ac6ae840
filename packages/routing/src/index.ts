/**
 * Where mail goes, decided from values: the route table and its grammar, the most specific match, the tiers of hosts a
 * route or MX answer stands for, and how to speak to each of them. DNS and files are the resolver's.
 */
export type * from './types.ts';
export {
  formatRouteError,
  hostsPerRouteMax,
  parseRoutes,
  routeErrorsMax,
  type RouteError,
  type RoutesResult,
} from './parse.ts';
export { formatHost, parseHost, portDefault, portMax, priorityMax, type HostResult } from './host.ts';
export { formatRoute, formatRoutes } from './format.ts';
export { emptyTable, indexRoutes, routesMax, type RouteTable } from './table.ts';
export { explainMatch, matchRoute, type MatchExplanation } from './match.ts';
export {
  implicitTlsPort,
  noNextHops,
  policyDigest,
  policyFor,
  readNextHops,
  type NextHops,
  type NextHopsResult,
  type NextHopSetting,
} from './policy.ts';
export {
  hostLabel,
  mailHostsKey,
  tiersFor,
  type MailHost,
  type ReachableFamilies,
  type TierRequest,
} from './tiers.ts';
