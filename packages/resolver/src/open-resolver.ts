/** The resolver: route table first, then DNS, with plans kept for their TTL. Routes share one plan, whatever the destination. */
import type { DestinationKey } from '@mailwheel/envelope';
import {
  explainMatch,
  matchRoute,
  noNextHops,
  type Plan,
  type Route,
  type RouteTable,
} from '@mailwheel/routing';
import { AnswerCache, type Loaded } from './answer-cache.ts';
import { cachingLookup } from './caching-lookup.ts';
import { openDnsLookup } from './dns-lookup.ts';
import { selfOf } from './mail-hosts.ts';
import {
  dnsRouteKey,
  planDomain,
  planRoute,
  planWithoutDns,
  type PlanContext,
  type Planned,
} from './plan.ts';
import { watchFamilies } from './reachable-families.ts';
import { openRouteSource, type RouteSource } from './route-source.ts';
import type { ExplainingResolver, PlanExplanation, ResolverOptions } from './types.ts';

const cacheSecondsMaxDefault = 300;
const cacheEntriesMaxDefault = 20_000;

/** Opens the routes and DNS. Rejects with `RoutesUnusableError` if the routes cannot be used; nothing else is asked yet. */
export async function openResolver(options: ResolverOptions): Promise<ExplainingResolver> {
  const source = await openRouteSource(options.routes, options.onRoutes ?? (() => undefined));
  return new MailResolver(source, options);
}

class MailResolver implements ExplainingResolver {
  readonly #source: RouteSource;
  readonly #context: PlanContext;
  readonly #now: () => number;
  readonly #cacheSecondsMax: number;
  readonly #cacheEntriesMax: number;
  /** The table that the plans belong to; another one makes new caches, so that no answer of an old table is kept. */
  #table: RouteTable;
  #routePlans: AnswerCache<Route, Plan>;
  #domainPlans: AnswerCache<DestinationKey, Plan>;

  constructor(source: RouteSource, options: ResolverOptions) {
    const now = options.now ?? (() => performance.now());
    this.#now = now;
    this.#source = source;
    this.#cacheSecondsMax = options.dns?.cacheSecondsMax ?? cacheSecondsMaxDefault;
    this.#cacheEntriesMax = options.cacheEntriesMax ?? cacheEntriesMaxDefault;
    this.#table = source.current();
    this.#routePlans = this.#newCache();
    this.#domainPlans = this.#newCache();
    this.#context = contextOf(options, {
      entriesMax: this.#cacheEntriesMax,
      cacheSecondsMax: this.#cacheSecondsMax,
      now,
    });
  }

  planFor(destination: DestinationKey): Promise<Plan> {
    const route = this.#routeOf(destination);
    if (route === undefined || route.target.kind === 'dns') {
      const routeKey = route?.key ?? dnsRouteKey;
      return this.#domainPlans.get(destination, async () =>
        this.#loaded(await planDomain(destination, routeKey, this.#context)),
      );
    }
    return this.#routePlans.get(route, async () => this.#loaded(await this.#planRoute(route)));
  }

  cachedPlan(destination: DestinationKey): Plan | undefined {
    const route = this.#routeOf(destination);
    if (route === undefined || route.target.kind === 'dns') return this.#domainPlans.fresh(destination);
    const fresh = this.#routePlans.fresh(route);
    if (fresh !== undefined) return fresh;
    const planned = planWithoutDns(route, this.#context);
    return planned === undefined ? undefined : this.#routePlans.keep(route, this.#loaded(planned));
  }

  async explain(destination: DestinationKey): Promise<PlanExplanation> {
    const route = explainMatch(this.#source.current(), destination);
    const planned =
      route.match.kind === 'none'
        ? await planDomain(destination, dnsRouteKey, this.#context)
        : route.match.route.target.kind === 'dns'
          ? await planDomain(destination, route.match.route.key, this.#context)
          : await this.#planRoute(route.match.route);
    return { destination, route, plan: planned.plan, notes: planned.notes };
  }

  routeTable(): RouteTable {
    return this.#source.current();
  }

  async close(): Promise<void> {
    this.#context.lookup.close();
    await this.#source.close();
  }

  async #planRoute(route: Route): Promise<Planned> {
    const planned = planWithoutDns(route, this.#context);
    if (planned !== undefined) return planned;
    return planRoute(route.key, route.target.kind === 'hosts' ? route.target.hosts : [], this.#context);
  }

  #routeOf(destination: DestinationKey): Route | undefined {
    const table = this.#source.current();
    if (table !== this.#table) {
      this.#table = table;
      this.#routePlans = this.#newCache();
      this.#domainPlans = this.#newCache();
    }
    const match = matchRoute(table, destination);
    return match.kind === 'route' ? match.route : undefined;
  }

  #newCache<K>(): AnswerCache<K, Plan> {
    return new AnswerCache(this.#cacheEntriesMax, this.#now);
  }

  /** Only hosts that answered yesterday are better than waiting; a bounce must not outlive its time. */
  #loaded({ plan, ttlSeconds }: Planned): Loaded<Plan> {
    return {
      value: plan,
      freshMs: Math.min(ttlSeconds, this.#cacheSecondsMax) * 1000,
      staleMs: plan.kind === 'tiers' ? this.#cacheSecondsMax * 1000 : 0,
      failed: plan.kind === 'defer',
    };
  }
}

function contextOf(
  options: ResolverOptions,
  caching: { readonly entriesMax: number; readonly cacheSecondsMax: number; readonly now: () => number },
): PlanContext {
  const { self, dns = {} } = options;
  const reachable = options.reachableFamilies ?? watchFamilies(caching.now);
  return {
    lookup: cachingLookup(options.lookup ?? openDnsLookup(dns), caching),
    self: selfOf([self.hostname, ...(self.ownNames ?? [])], self.ownAddresses ?? []),
    allowPrivate: dns.allowPrivate ?? false,
    tiers: () => ({
      ipPreference: options.ipPreference ?? 'prefer-ipv4',
      reachable: reachable(),
      nextHops: options.nextHops ?? noNextHops,
      defaults: options.defaults ?? { tls: 'opportunistic' },
    }),
  };
}
