/** From a destination to the plan for its mail: route table (watched file or inline) first, then DNS by the MX rules. */
import type { DestinationKey } from '@mailwheel/envelope';
import type {
  IpPreference,
  MatchExplanation,
  NextHopPolicy,
  NextHops,
  Plan,
  ReachableFamilies,
  RouteError,
  RouteTable,
} from '@mailwheel/routing';

export interface Resolver {
  /** Answers from a short cache where TTLs allow; never throws for what DNS does (it is a `defer` or `bounce` plan). */
  planFor(destination: DestinationKey): Promise<Plan>;
  /** Synchronous answer when it is cached and fresh, or needs no DNS: the hot path awaits nothing. */
  cachedPlan(destination: DestinationKey): Plan | undefined;
  close(): Promise<void>;
}

/** A resolver that also tells people why. */
export interface ExplainingResolver extends Resolver {
  /** The plan with its reasons, past the plan cache but not past the cache of single look-ups. */
  explain(destination: DestinationKey): Promise<PlanExplanation>;
  /** The table in force. */
  routeTable(): RouteTable;
}

export interface PlanExplanation {
  readonly destination: DestinationKey;
  readonly route: MatchExplanation;
  readonly plan: Plan;
  /** What was left out on the way to the plan and why, one sentence each: `mx2.example.com does not exist`. */
  readonly notes: readonly string[];
}

/** The DNS questions a resolver asks. Injectable; the real one is `openDnsLookup`. */
export interface DnsLookup {
  mx(name: string): Promise<DnsAnswer<MxRecord>>;
  addresses(name: string, family: 4 | 6): Promise<DnsAnswer<string>>;
  /** Ends questions that are under way; they answer `failed`. */
  close(): void;
}

export interface MxRecord {
  readonly preference: number;
  /** Lower case, without trailing dot; `''` is the null MX. */
  readonly exchange: string;
}

export type DnsAnswer<T> =
  | { readonly kind: 'records'; readonly records: readonly T[]; readonly ttlSeconds: number }
  /** The name exists, this type of it does not (NOERROR without records). */
  | { readonly kind: 'no-data' }
  /** The name does not exist (NXDOMAIN), or cannot. */
  | { readonly kind: 'no-name' }
  /** SERVFAIL, time-out and the like: nobody knows. */
  | { readonly kind: 'failed'; readonly code: string };

/** Where the table comes from: inline text, or a file that is polled. Neither: no routes. */
export type RoutesOrigin =
  | { readonly text: string }
  /** `reloadSeconds`: default 2. */
  | { readonly file: string; readonly reloadSeconds?: number };

export type RoutesEvent =
  /** Another table is in force, whole, or the file is in order again. */
  | { readonly kind: 'loaded'; readonly file: string; readonly routes: number }
  /** The old table stays in force. `errors` is empty when the file could not be read; `message` is for people, a line a fault. */
  | {
      readonly kind: 'refused';
      readonly file: string;
      readonly errors: readonly RouteError[];
      readonly message: string;
    };

export interface ResolverOptions {
  readonly routes?: RoutesOrigin;
  readonly onRoutes?: (event: RoutesEvent) => void;
  readonly dns?: DnsOptions;
  /** Replaces node:dns. */
  readonly lookup?: DnsLookup;
  /** Names and addresses that are us: an MX list that leads to them is cut there. */
  readonly self: SelfOptions;
  /** `delivery.ipPreference`, default `prefer-ipv4`. */
  readonly ipPreference?: IpPreference;
  /** From `readNextHops`; absent: every host speaks by `defaults`. */
  readonly nextHops?: NextHops;
  /** Default `{ tls: 'opportunistic' }`. */
  readonly defaults?: NextHopPolicy;
  /** Replaces the look at this machine's interfaces. */
  readonly reachableFamilies?: () => ReachableFamilies;
  /** Plans and look-ups kept, each; default 20,000. */
  readonly cacheEntriesMax?: number;
  /** Monotonic milliseconds; default `performance.now`. */
  readonly now?: () => number;
}

export interface DnsOptions {
  /** `10.0.0.53`, `10.0.0.53:5353`, `[2001:db8::53]:53`; absent or empty: those of the system. */
  readonly servers?: readonly string[];
  /** Of one try; default 5,000. */
  readonly timeoutMs?: number;
  /** Tries per server; default 2. */
  readonly attempts?: number;
  /** An answer is used no longer, whatever its TTL; 0: nothing is kept. Default 300. */
  readonly cacheSecondsMax?: number;
  /** Names found through DNS may lead to loopback, link-local, private and multicast addresses. Default false. */
  readonly allowPrivate?: boolean;
}

export interface SelfOptions {
  readonly hostname: string;
  readonly ownNames?: readonly string[];
  readonly ownAddresses?: readonly string[];
}
