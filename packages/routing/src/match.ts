/**
 * Which route a destination takes: the exact entry, else the longest `.suffix` of it, else `ALL`, whatever their order in
 * the file. One hash look-up a label. The result is not matched again, and the envelope is not rewritten.
 */
import type { DestinationKey } from '@mailwheel/envelope';
import { formatRoute } from './format.ts';
import type { RouteTable } from './table.ts';
import type { Route, RouteMatch } from './types.ts';

/** The most specific route, or `none`: ordinary MX lookup. An address literal matches its own entry or `ALL` only. */
export function matchRoute(table: RouteTable, destination: DestinationKey): RouteMatch {
  const route = table.exact.get(destination) ?? longestSuffix(table, destination) ?? table.all;
  return route === undefined ? { kind: 'none' } : { kind: 'route', route };
}

export interface MatchExplanation {
  readonly match: RouteMatch;
  /** Routes that match as well but are less specific, the nearest first. */
  readonly passedOver: readonly Route[];
  /** One sentence for a person. */
  readonly why: string;
}

/** `matchRoute` with its reasons, for `mailwheel routes explain`. */
export function explainMatch(table: RouteTable, destination: DestinationKey): MatchExplanation {
  const matching = [table.exact.get(destination), ...suffixes(table, destination), table.all];
  const [route, ...passedOver] = matching.filter((candidate) => candidate !== undefined);
  if (route === undefined) {
    return {
      match: { kind: 'none' },
      passedOver,
      why: `no route matches ${destination} and there is no ALL: its MX records decide`,
    };
  }
  const because =
    route.key === 'ALL'
      ? 'no other route matches'
      : route.key.startsWith('.')
        ? `${destination} is a subdomain of it and no longer entry matches`
        : 'it names the destination itself';
  return {
    match: { kind: 'route', route },
    passedOver,
    why: `line ${route.line} "${formatRoute(route)}" matches: ${because}`,
  };
}

/** What follows a dot of an address literal ends in `]`, as no entry does. */
function longestSuffix(table: RouteTable, destination: DestinationKey): Route | undefined {
  for (let dot = destination.indexOf('.'); dot >= 0; dot = destination.indexOf('.', dot + 1)) {
    const route = table.subdomains.get(destination.slice(dot + 1));
    if (route !== undefined) return route;
  }
  return undefined;
}

function suffixes(table: RouteTable, destination: DestinationKey): Route[] {
  const labels = destination.split('.');
  return labels.flatMap((_, index) => table.subdomains.get(labels.slice(index + 1).join('.')) ?? []);
}
