/** A route table back to text: what `parseRoutes` reads as the same table. */
import { destinationAddress, type DestinationKey } from '@mailwheel/envelope';
import { formatHost } from './host.ts';
import type { RouteTable } from './table.ts';
import type { Route } from './types.ts';

/** One line without its line break: `.example.com  10.0.0.1, backup.example.net/pri=10`. */
export function formatRoute(route: Route): string {
  return `${formatKey(route.key)}  ${formatTarget(route)}`;
}

/** The whole table, a route a line, in its order. Comments are not kept. */
export function formatRoutes(table: RouteTable): string {
  return table.routes.map((route) => `${formatRoute(route)}\n`).join('');
}

/** The key of an IPv6 literal is written as in an address, `[IPv6:2001:db8::1]`. */
function formatKey(key: string): string {
  const address = destinationAddress(key as DestinationKey);
  return address?.includes(':') === true ? `[IPv6:${address}]` : key;
}

function formatTarget(route: Route): string {
  switch (route.target.kind) {
    case 'discard':
      return '/dev/null';
    case 'dns':
      return 'USEDNS';
    case 'hosts':
      return route.target.hosts.map(formatHost).join(', ');
  }
}
