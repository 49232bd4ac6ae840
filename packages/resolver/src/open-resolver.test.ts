import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DestinationKey } from '@mailwheel/envelope';
import { readNextHops, type Plan } from '@mailwheel/routing';
import {
  createFakeClock,
  startDnsServer,
  waitFor,
  type DnsZone,
  type TestDnsServer,
} from '@mailwheel/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openResolver } from './open-resolver.ts';
import type { DnsOptions, ExplainingResolver, ResolverOptions } from './types.ts';

let server: TestDnsServer;
const opened: ExplainingResolver[] = [];

beforeAll(async () => {
  server = await startDnsServer();
});
afterAll(() => server.stop());
afterEach(async () => {
  for (const resolver of opened.splice(0)) await resolver.close();
  for (const name of Object.keys(server.zone)) delete server.zone[name];
});

type Setup = Partial<Omit<ResolverOptions, 'dns' | 'routes'>> & {
  readonly zone?: DnsZone;
  readonly routes?: string | ResolverOptions['routes'];
  readonly dns?: DnsOptions;
};

async function open({ zone = {}, dns, routes, ...options }: Setup): Promise<ExplainingResolver> {
  Object.assign(server.zone, zone);
  server.forgetQueries();
  const resolver = await openResolver({
    self: { hostname: 'relay.example.net' },
    reachableFamilies: () => ({ ipv4: true, ipv6: true }),
    ...options,
    ...(routes === undefined ? {} : { routes: typeof routes === 'string' ? { text: routes } : routes }),
    dns: { servers: [server.address], timeoutMs: 600, attempts: 2, ...dns },
  });
  opened.push(resolver);
  return resolver;
}

const key = (text: string) => text as DestinationKey;
const labels = (plan: Plan | undefined) =>
  plan?.kind === 'tiers'
    ? plan.tiers.map((tier) => [tier.key, ...tier.hosts.map((host) => host.label)])
    : plan;
const asked = () => server.queries.map(({ name, type }) => `${type} ${name}`).toSorted();

describe('a route', () => {
  const zone: DnsZone = {
    'relay.example': {
      MX: [
        [10, 'mx1.relay.example'],
        [20, 'mx2.relay.example'],
      ],
      A: ['192.0.2.9'],
    },
    'mx1.relay.example': { A: ['10.0.0.1'] },
    'mx2.relay.example': { A: ['10.0.0.2'] },
    'plain.example': { A: ['127.0.0.1'] },
    'null.example': { MX: [[0, '.']], A: ['10.0.0.3'] },
    'ill.example': 'SERVFAIL',
    'backup.example': {
      MX: [
        [10, 'mx1.relay.example'],
        [20, 'relay.example.net'],
      ],
    },
    'relay.example.net': { A: ['10.0.0.99'] },
  };

  test.each([
    [
      '10.0.0.1, 10.0.0.2:2525/pri=10',
      [
        ['example.com:0', '10.0.0.1:25'],
        ['example.com:10', '10.0.0.2:2525'],
      ],
    ],
    [
      'relay.example',
      [
        ['example.com:0.10', '10.0.0.1:25'],
        ['example.com:0.20', '10.0.0.2:25'],
      ],
    ],
    ['[relay.example]', [['example.com:0', '192.0.2.9:25']]],
    [
      'relay.example, [relay.example]/pri=1',
      [
        ['example.com:0.10', '10.0.0.1:25'],
        ['example.com:0.20', '10.0.0.2:25'],
        ['example.com:1', '192.0.2.9:25'],
      ],
    ],
    ['plain.example:2525', [['example.com:0', '127.0.0.1:2525']]],
    ['null.example', [['example.com:0', '10.0.0.3:25']]],
    ['gone.example, ill.example, 10.0.0.1', [['example.com:0', '10.0.0.1:25']]],
    ['backup.example', [['example.com:0.10', '10.0.0.1:25']]],
    ['relay.example.net:26', [['example.com:0', '10.0.0.99:26']]],
  ])('to %s, private addresses included', async (hosts, tiers) => {
    const resolver = await open({ zone, routes: `example.com ${hosts}` });
    const plan = await resolver.planFor(key('example.com'));
    expect(labels(plan)).toEqual(tiers);
    expect(plan.routeKey).toBe('example.com');
  });

  test.each([
    ['gone.example', 'No host of the route example.com can be found: the domain gone.example does not exist'],
    ['[gone.example]', 'No host of the route example.com can be found: no mail host of gone.example exists'],
    [
      'ill.example',
      'No host of the route example.com can be found: the MX records of ill.example could not be looked up (ESERVFAIL)',
    ],
  ])('to %s: mail waits, it is not bounced and does not go by the MX of the domain', async (hosts, text) => {
    const resolver = await open({
      zone: { ...zone, 'example.com': { A: ['192.0.2.1'] } },
      routes: `example.com ${hosts}`,
    });
    expect(await resolver.planFor(key('example.com'))).toEqual({
      kind: 'defer',
      routeKey: 'example.com',
      enhancedCode: '4.4.3',
      text,
    });
  });

  test('/dev/null discards, USEDNS exempts from a broader entry, the most specific wins', async () => {
    const resolver = await open({
      zone: { 'own.example': { MX: [[10, 'mx.own.example']] }, 'mx.own.example': { A: ['192.0.2.7'] } },
      routes: 'ALL 10.0.0.1\nnowhere.example /dev/null\nown.example USEDNS\n.example 10.0.0.2',
    });
    expect(await resolver.planFor(key('nowhere.example'))).toEqual({
      kind: 'discard',
      routeKey: 'nowhere.example',
    });
    const own = await resolver.planFor(key('own.example'));
    expect([own.routeKey, labels(own)]).toEqual(['own.example', [['own.example:0.10', '192.0.2.7:25']]]);
    expect(labels(await resolver.planFor(key('x.own.example')))).toEqual([['.example:0', '10.0.0.2:25']]);
    expect(labels(await resolver.planFor(key('[8.8.8.8]')))).toEqual([['ALL:0', '10.0.0.1:25']]);
  });

  test('of addresses needs no DNS and no waiting, and one plan serves all destinations', async () => {
    const resolver = await open({ routes: 'ALL 10.0.0.1, 10.0.0.2\nx.example /dev/null' });
    const plan = resolver.cachedPlan(key('a.example'));
    expect(labels(plan)).toEqual([['ALL:0', '10.0.0.1:25', '10.0.0.2:25']]);
    expect(resolver.cachedPlan(key('b.example'))).toBe(plan);
    expect(await resolver.planFor(key('c.example'))).toBe(plan);
    expect(resolver.cachedPlan(key('x.example'))).toEqual({ kind: 'discard', routeKey: 'x.example' });
    expect(server.queries).toEqual([]);
  });

  test('has the policy of its next hop; what DNS leads to by itself has the defaults', async () => {
    const entry = { auth: { user: 'u', passwordFile: 'f' }, tls: 'require' } as const;
    const read = readNextHops({ 'relay.example': entry, 'example.com': entry, '8.8.8.8': entry });
    const resolver = await open({
      zone: { ...zone, 'example.com': { MX: [[10, 'relay.example']] } },
      routes: 'routed.example [relay.example]:587',
      nextHops: read.ok ? read.nextHops : new Map(),
      defaults: { tls: 'none' },
    });
    const routed = await resolver.planFor(key('routed.example'));
    expect(routed.kind === 'tiers' && routed.tiers[0]?.hosts[0]).toMatchObject({
      key: expect.stringMatching(/^192\.0\.2\.9:587\|[0-9a-f]{8}$/),
      name: 'relay.example',
      policy: { tls: 'require', auth: { user: 'u' } },
    });
    const found = await resolver.planFor(key('example.com'));
    expect(found.kind === 'tiers' && found.tiers[0]?.hosts[0]).toMatchObject({
      key: '192.0.2.9:25',
      policy: { tls: 'none' },
    });
    const literal = await resolver.planFor(key('[8.8.8.8]'));
    expect(literal.kind === 'tiers' && literal.tiers[0]?.hosts[0]).toMatchObject({ policy: { tls: 'none' } });
  });
});

describe('plans are kept', () => {
  const zone: DnsZone = {
    'example.com': { MX: [[10, 'mx.shared.example']] },
    'example.org': { MX: [[10, 'mx.shared.example']] },
    'mx.shared.example': { A: ['192.0.2.1'], ttlSeconds: 20 },
  };
  const example = key('example.com');

  test('for the shortest TTL, and look-ups are shared by destinations and by those who ask at once', async () => {
    const clock = createFakeClock();
    const resolver = await open({ zone, now: clock.now });
    expect(resolver.cachedPlan(example)).toBeUndefined();
    const plans = await Promise.all([
      resolver.planFor(example),
      resolver.planFor(example),
      resolver.planFor(key('example.org')),
    ]);
    expect(plans[0]).toBe(plans[1]);
    expect(asked()).toEqual([
      'A mx.shared.example',
      'AAAA mx.shared.example',
      'MX example.com',
      'MX example.org',
    ]);
    clock.advance(19_999);
    expect(resolver.cachedPlan(example)).toBe(plans[0]);
    clock.advance(1);
    expect(resolver.cachedPlan(example)).toBeUndefined();
  });

  test('a while longer while a new one is made, even if DNS is away', async () => {
    const clock = createFakeClock();
    const resolver = await open({ zone, now: clock.now });
    const first = await resolver.planFor(example);
    server.zone['mx.shared.example'] = 'SERVFAIL';
    clock.advance(61_000);
    for (let round = 0; round < 3; round++) {
      const seen = server.queries.length;
      await waitFor('a renewal that fails', async () => {
        expect(await resolver.planFor(example)).toBe(first);
        return server.queries.length > seen;
      });
      clock.advance(11_000);
    }
    server.zone['mx.shared.example'] = { A: ['192.0.2.2'] };
    await waitFor('the new plan', async () => {
      clock.advance(1_000);
      return (await resolver.planFor(example)) !== first;
    });
    expect(labels(await resolver.planFor(example))).toEqual([['example.com:0.10', '192.0.2.2:25']]);
  });

  test('a refusal is not kept beyond its time', async () => {
    const clock = createFakeClock();
    const resolver = await open({ now: clock.now });
    expect(await resolver.planFor(example)).toMatchObject({ kind: 'bounce', enhancedCode: '5.1.2' });
    Object.assign(server.zone, zone);
    expect(await resolver.planFor(example)).toMatchObject({ kind: 'bounce' });
    clock.advance(60_000);
    expect(await resolver.planFor(example)).toMatchObject({ kind: 'tiers' });
  });

  test('a failure for seconds only', async () => {
    const clock = createFakeClock();
    const resolver = await open({ zone: { 'example.com': 'SERVFAIL' }, now: clock.now });
    expect(await resolver.planFor(example)).toMatchObject({ kind: 'defer' });
    Object.assign(server.zone, zone);
    clock.advance(4_999);
    expect(await resolver.planFor(example)).toMatchObject({ kind: 'defer' });
    clock.advance(5_001);
    expect(await resolver.planFor(example)).toMatchObject({ kind: 'tiers' });
  });

  test('never longer than cacheSecondsMax, and not at all if that is 0', async () => {
    const clock = createFakeClock();
    const short = await open({ zone, now: clock.now, dns: { cacheSecondsMax: 2 } });
    await short.planFor(example);
    clock.advance(1_999);
    expect(short.cachedPlan(example)).toBeDefined();
    clock.advance(1);
    expect(short.cachedPlan(example)).toBeUndefined();
    const none = await open({ zone, now: clock.now, dns: { cacheSecondsMax: 0 } });
    await none.planFor(example);
    expect(none.cachedPlan(example)).toBeUndefined();
    server.zone['mx.shared.example'] = { A: ['192.0.2.3'] };
    expect(labels(await none.planFor(example))).toEqual([['example.com:0.10', '192.0.2.3:25']]);
  });

  test('in a bounded number', async () => {
    const names = Array.from({ length: 30 }, (_, n) => `d${n}.example`);
    const resolver = await open({
      zone: Object.fromEntries(names.map((name) => [name, { A: ['192.0.2.1'] }])),
      cacheEntriesMax: 10,
    });
    for (const name of names) await resolver.planFor(key(name));
    const kept = names.filter((name) => resolver.cachedPlan(key(name)) !== undefined);
    expect(kept).toEqual(names.slice(20));
  });
});

test('a changed routes file makes new plans at once, a bad one changes nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mailwheel-resolver-'));
  try {
    const file = join(folder, 'routes');
    await writeFile(file, 'example.com 10.0.0.1');
    const events: string[] = [];
    const resolver = await open({
      routes: { file, reloadSeconds: 0.02 },
      onRoutes: (event) => events.push(event.kind),
    });
    expect(labels(resolver.cachedPlan(key('example.com')))).toEqual([['example.com:0', '10.0.0.1:25']]);
    await writeFile(file, 'example.com 10.0.0.2');
    await waitFor('the new table', () => events.length === 1);
    expect(labels(resolver.cachedPlan(key('example.com')))).toEqual([['example.com:0', '10.0.0.2:25']]);
    await writeFile(file, 'example.com 10.0.0.3:x');
    await waitFor('the refusal', () => events.length === 2);
    expect(events).toEqual(['loaded', 'refused']);
    expect(labels(resolver.cachedPlan(key('example.com')))).toEqual([['example.com:0', '10.0.0.2:25']]);
    expect(resolver.routeTable().routes).toHaveLength(1);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

describe('explain', () => {
  test('names the route, what it beat, the plan, and what was left out on the way', async () => {
    const resolver = await open({
      zone: { 'mx1.example': { A: ['192.0.2.1'] }, 'ill.example': 'SERVFAIL' },
      routes: 'ALL 10.0.0.1\n.example.com [mx1.example], [gone.example], ill.example',
    });
    const explained = await resolver.explain(key('a.example.com'));
    expect(labels(explained.plan)).toEqual([['.example.com:0', '192.0.2.1:25']]);
    expect(explained.route.why).toContain(
      'line 2 ".example.com  [mx1.example], [gone.example], ill.example" matches',
    );
    expect(explained.route.passedOver.map((route) => route.key)).toEqual(['ALL']);
    expect(explained.notes).toEqual([
      'gone.example has no address: left out',
      'no mail host of gone.example exists: left out',
      'the MX records of ill.example could not be looked up (ESERVFAIL): left out',
    ]);
  });

  test('tells of MX targets that are us or not public', async () => {
    const resolver = await open({
      zone: {
        'example.com': {
          MX: [
            [5, 'inner.example'],
            [10, 'mx.example'],
            [20, 'relay.example.net'],
            [20, 'other.example'],
          ],
        },
        'inner.example': { A: ['10.0.0.1'] },
        'mx.example': { A: ['192.0.2.1'] },
        'other.example': { A: ['192.0.2.2'] },
      },
    });
    const explained = await resolver.explain(key('example.com'));
    expect(explained.route.match).toEqual({ kind: 'none' });
    expect(labels(explained.plan)).toEqual([['example.com:0.10', '192.0.2.1:25']]);
    expect(explained.notes).toEqual([
      'other.example is not nearer than this system (preference 20): left out',
      'relay.example.net is this system: left out',
      'inner.example has the private address 10.0.0.1: refused (dns.allowPrivate is false)',
    ]);
  });
});

test('after close nobody waits for an answer', async () => {
  const resolver = await open({ zone: { 'example.com': 'DROP' }, dns: { timeoutMs: 60_000 } });
  const asking = resolver.planFor(key('example.com'));
  await waitFor('the question', () => server.queries.length > 0);
  await resolver.close();
  expect(await asking).toMatchObject({ kind: 'defer', enhancedCode: '4.4.3' });
});
