/** Which address literals of clients are taken besides public ones: those with a route to hosts, or all (`dns.allowPrivate`). */
import type { DestinationKey } from '@mailwheel/envelope';
import { matchRoute, type RouteTable } from '@mailwheel/routing';

export function literalsAllowed(
  table: () => RouteTable,
  dns: { readonly allowPrivate: boolean },
): (destination: DestinationKey) => boolean {
  return (destination) => {
    if (dns.allowPrivate) return true;
    const match = matchRoute(table(), destination);
    return match.kind === 'route' && match.route.target.kind !== 'dns';
  };
}
