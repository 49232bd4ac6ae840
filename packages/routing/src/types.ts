/**
 * What a route is once parsed, and what a host and a tier are once a destination was resolved. The grammar's rules are in
 * `parse.ts`, matching in `match.ts`, tiers in `tiers.ts`.
 */

/** TLS towards a next hop. `implicit`: TLS from the first byte (port 465), certificate verified. */
export type TlsLevel = 'none' | 'opportunistic' | 'require' | 'verify' | 'implicit';

/** How to speak to a next hop. From the `nextHops` setting, matched by host name or address as written in the route. */
export interface NextHopPolicy {
  readonly tls: TlsLevel;
  readonly auth?: { readonly user: string; readonly passwordFile: string };
  /** Name for EHLO; absent: the `hostname` setting. */
  readonly heloName?: string;
  readonly sourceAddress?: string;
  readonly connectionsMax?: number;
  /** Name that the certificate must carry; absent: the host's name. */
  readonly tlsServerName?: string;
}

/** One destination host as a route writes it. */
export type RouteHost =
  | { readonly kind: 'name'; readonly name: string; readonly port: number; readonly priority: number } // MX looked up, then A/AAAA
  | { readonly kind: 'bracketed'; readonly name: string; readonly port: number; readonly priority: number } // [name]: A/AAAA only
  | {
      readonly kind: 'ipv4' | 'ipv6';
      readonly address: string;
      readonly port: number;
      readonly priority: number;
    };

export type RouteTarget =
  | { readonly kind: 'hosts'; readonly hosts: readonly RouteHost[] }
  | { readonly kind: 'discard' } // /dev/null
  | { readonly kind: 'dns' }; // USEDNS

export interface Route {
  /** Normalised (lower-case A-label): `example.com`, `.example.com`, `[192.0.2.1]`, `ALL`. */
  readonly key: string;
  readonly target: RouteTarget;
  readonly line: number;
}

/** What matching a destination gives. `none`: no entry and no ALL, ordinary MX lookup. */
export type RouteMatch = { readonly kind: 'route'; readonly route: Route } | { readonly kind: 'none' };

/** Address:port with its policy: the unit of rotation, health and connection limits. */
export interface Host {
  /** Identity in Redis: `10.0.0.1:25`, `[2001:db8::1]:25`, plus `|<policy digest>` if the policy is not the default. */
  readonly key: string;
  /** For people, logs and metrics: `10.0.0.1:25`. */
  readonly label: string;
  readonly address: string;
  readonly port: number;
  /** Host name the address came from, if any (TLS verification, logs). */
  readonly name?: string;
  readonly policy: NextHopPolicy;
}

/** How `delivery.ipPreference` orders the addresses of a name. `require-*`: the other family is not used at all. */
export type IpPreference = 'prefer-ipv4' | 'prefer-ipv6' | 'require-ipv4' | 'require-ipv6';

/**
 * Hosts of equal preference. `key` is the cursor key: `<route key or destination>:<priority>[.<mx preference>[.<family rank>]]`,
 * trailing zeros left out, so that it stays the same when another tier comes or goes: `example.com:0`, `example.org:0.10`.
 */
export interface Tier {
  readonly key: string;
  readonly hosts: readonly Host[];
}

/**
 * Where a destination's mail goes now. `routeKey`: the key of the route that matched, or `DNS` if none did (a bounded
 * label for metrics).
 */
export type Plan =
  | { readonly kind: 'tiers'; readonly routeKey: string; readonly tiers: readonly Tier[] }
  | { readonly kind: 'discard'; readonly routeKey: string }
  /** DNS says it can never be delivered: enhanced code and text for the bounce. */
  | {
      readonly kind: 'bounce';
      readonly routeKey: string;
      readonly enhancedCode: string;
      readonly text: string;
    }
  | {
      readonly kind: 'defer';
      readonly routeKey: string;
      readonly enhancedCode: string;
      readonly text: string;
    };
