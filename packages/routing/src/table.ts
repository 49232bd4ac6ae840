/** The route table in memory: the routes in written order and the hash tables that matching walks. */
import type { Route } from './types.ts';

/** Routes of one table, `ALL` included. */
export const routesMax = 40_000;

export interface RouteTable {
  /** In written order. */
  readonly routes: readonly Route[];
  /** Key without its leading dot -> route of a `.example.com` entry. */
  readonly subdomains: ReadonlyMap<string, Route>;
  /** Exact entries by destination key, address literals included. */
  readonly exact: ReadonlyMap<string, Route>;
  readonly all: Route | undefined;
}

/** Indexes routes whose keys are normalised and unique, as `parseRoutes` makes them. */
export function indexRoutes(routes: readonly Route[]): RouteTable {
  const subdomains = new Map<string, Route>();
  const exact = new Map<string, Route>();
  let all: Route | undefined;
  for (const route of routes) {
    if (route.key === 'ALL') all = route;
    else if (route.key.startsWith('.')) subdomains.set(route.key.slice(1), route);
    else exact.set(route.key, route);
  }
  return { routes, subdomains, exact, all };
}

/** No routes: everything goes by MX. */
export const emptyTable: RouteTable = indexRoutes([]);
