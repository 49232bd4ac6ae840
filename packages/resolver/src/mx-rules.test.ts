/** Every rule of the MX section, against a real DNS server on loopback. The names of the tests are the rules. */
import type { DestinationKey } from '@mailwheel/envelope';
import type { Plan } from '@mailwheel/routing';
import { startDnsServer, type DnsZone, type TestDnsServer } from '@mailwheel/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openResolver } from './open-resolver.ts';
import type { ExplainingResolver, ResolverOptions } from './types.ts';

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

type Setup = Partial<Omit<ResolverOptions, 'dns'>> & { readonly allowPrivate?: boolean };

async function resolverOf(zone: DnsZone, { allowPrivate = false, ...options }: Setup = {}) {
  Object.assign(server.zone, zone);
  const resolver = await openResolver({
    self: { hostname: 'relay.example.net' },
    reachableFamilies: () => ({ ipv4: true, ipv6: true }),
    ...options,
    dns: { servers: [server.address], timeoutMs: 600, attempts: 2, allowPrivate },
  });
  opened.push(resolver);
  return resolver;
}

const plan = async (zone: DnsZone, setup: Setup = {}, destination = 'example.com'): Promise<Plan> =>
  (await resolverOf(zone, setup)).planFor(destination as DestinationKey);

/** Tiers as text, or code and reason. */
const shown = (of: Plan) =>
  of.kind === 'tiers'
    ? of.tiers.map((tier) => [tier.key, ...tier.hosts.map((host) => `${host.name} ${host.label}`)])
    : of.kind === 'discard'
      ? 'discard'
      : `${of.kind} ${of.enhancedCode} ${of.text}`;

const host = (address: string) => ({ A: [address] });

describe('MX records', () => {
  test('targets of equal preference are one tier, lower preference numbers come first', async () => {
    const zone = {
      'example.com': {
        MX: [
          [20, 'mx3.example.com'],
          [10, 'mx2.example.com'],
          [10, 'mx1.example.com'],
        ],
      },
      'mx1.example.com': host('192.0.2.1'),
      'mx2.example.com': host('192.0.2.2'),
      'mx3.example.com': host('192.0.2.3'),
    } satisfies DnsZone;
    const found = await plan(zone);
    expect(found).toMatchObject({ routeKey: 'DNS' });
    expect(shown(found)).toEqual([
      ['example.com:0.10', 'mx1.example.com 192.0.2.1:25', 'mx2.example.com 192.0.2.2:25'],
      ['example.com:0.20', 'mx3.example.com 192.0.2.3:25'],
    ]);
  });

  test('of both families: the preferred one first, the other in the next tier', async () => {
    const zone: DnsZone = {
      'example.com': { MX: [[10, 'mx.example.com']] },
      'mx.example.com': { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] },
    };
    const four = ['mx.example.com 192.0.2.1:25'];
    const six = ['mx.example.com [2001:db8::1]:25'];
    expect(shown(await plan(zone))).toEqual([
      ['example.com:0.10', ...four],
      ['example.com:0.10.1', ...six],
    ]);
    expect(shown(await plan(zone, { ipPreference: 'prefer-ipv6' }))).toEqual([
      ['example.com:0.10', ...six],
      ['example.com:0.10.1', ...four],
    ]);
    expect(shown(await plan(zone, { ipPreference: 'require-ipv6' }))).toEqual([['example.com:0.10', ...six]]);
  });

  test('a family this machine cannot reach is left out; if it is the only one, mail waits', async () => {
    const zone: DnsZone = {
      'example.com': {
        MX: [
          [10, 'both.example.com'],
          [20, 'six.example.com'],
        ],
      },
      'both.example.com': { A: ['192.0.2.1'], AAAA: ['2001:db8::1'] },
      'six.example.com': { AAAA: ['2001:db8::2'] },
      'six.example': { AAAA: ['2001:db8::2'] },
    };
    const reachableFamilies = () => ({ ipv4: true, ipv6: false });
    expect(shown(await plan(zone, { reachableFamilies }))).toEqual([
      ['example.com:0.10', 'both.example.com 192.0.2.1:25'],
    ]);
    expect(shown(await plan(zone, { reachableFamilies }, 'six.example'))).toMatch(/^defer 4\.4\.4 /);
    expect(shown(await plan(zone, { ipPreference: 'require-ipv4' }, 'six.example'))).toMatch(
      /^defer 4\.4\.4 /,
    );
  });

  test('an address that two targets share counts once', async () => {
    const zone: DnsZone = {
      'example.com': {
        MX: [
          [10, 'mx1.example.com'],
          [20, 'mx2.example.com'],
          [20, 'mx2.example.com'],
        ],
      },
      'mx1.example.com': { A: ['192.0.2.1'] },
      'mx2.example.com': { A: ['192.0.2.2', '192.0.2.1'] },
    };
    expect(shown(await plan(zone))).toEqual([
      ['example.com:0.10', 'mx1.example.com 192.0.2.1:25'],
      ['example.com:0.20', 'mx2.example.com 192.0.2.2:25'],
    ]);
  });

  test('CNAMEs are followed, of the domain and of a target', async () => {
    const zone: DnsZone = {
      'example.com': { CNAME: 'real.example' },
      'real.example': { MX: [[10, 'alias.example']] },
      'alias.example': { CNAME: 'mx.example' },
      'mx.example': host('192.0.2.1'),
    };
    expect(shown(await plan(zone))).toEqual([['example.com:0.10', 'alias.example 192.0.2.1:25']]);
  });

  test('more than 50 targets: those of the lowest preference are used', async () => {
    const targets = Array.from({ length: 80 }, (_, n) => [80 - n, `mx${80 - n}.example.com`] as const);
    const zone: DnsZone = { 'example.com': { MX: targets } };
    for (const [preference, name] of targets) zone[name] = host(`198.51.100.${preference}`);
    const found = await plan(zone);
    expect(found.kind === 'tiers' && found.tiers.map((tier) => tier.key)).toEqual(
      Array.from({ length: 50 }, (_, n) => `example.com:0.${n + 1}`),
    );
  });
});

describe('no MX records', () => {
  test('the answer is empty (NOERROR): the domain is its own mail host', async () => {
    expect(shown(await plan({ 'example.com': { A: ['192.0.2.2', '192.0.2.1'] } }))).toEqual([
      ['example.com:0', 'example.com 192.0.2.1:25', 'example.com 192.0.2.2:25'],
    ]);
    expect(shown(await plan({ 'six.example': { AAAA: ['2001:db8::1'] } }, {}, 'six.example'))).toEqual([
      ['six.example:0', 'six.example [2001:db8::1]:25'],
    ]);
  });

  test('and no address either: bounce 5.4.4', async () => {
    expect(shown(await plan({ 'example.com': {} }))).toBe('bounce 5.4.4 No mail host of example.com exists');
  });

  test('the domain does not exist (NXDOMAIN): bounce 5.1.2', async () => {
    expect(shown(await plan({}))).toBe('bounce 5.1.2 The domain example.com does not exist');
    expect(shown(await plan({}, {}, `${'a.'.repeat(126)}com`))).toMatch(/^bounce 5\.1\.2 /);
  });

  test.each([
    ['SERVFAIL', 'ESERVFAIL'],
    ['REFUSED', 'EREFUSED'],
    ['DROP', 'ETIMEOUT'],
  ] as const)('the server answers %s: defer 4.4.3, although there is an A record', async (MX, code) => {
    expect(shown(await plan({ 'example.com': { MX, A: ['192.0.2.1'] } }))).toBe(
      `defer 4.4.3 The MX records of example.com could not be looked up (${code})`,
    );
  });

  test('implicit MX, address look-up fails: defer 4.4.3', async () => {
    expect(shown(await plan({ 'example.com': { A: 'SERVFAIL' } }))).toMatch(/^defer 4\.4\.3 /);
    expect(shown(await plan({ 'example.com': { AAAA: 'SERVFAIL' } }))).toMatch(/^defer 4\.4\.3 /);
    expect(shown(await plan({ 'example.com': { A: ['192.0.2.1'], AAAA: 'SERVFAIL' } }))).toEqual([
      ['example.com:0', 'example.com 192.0.2.1:25'],
    ]);
  });
});

describe('targets that lead nowhere', () => {
  test('those that do not exist are left out', async () => {
    const zone: DnsZone = {
      'example.com': {
        MX: [
          [10, 'gone.example.com'],
          [15, 'empty.example.com'],
          [20, 'mx.example.com'],
        ],
      },
      'empty.example.com': {},
      'mx.example.com': host('192.0.2.1'),
    };
    expect(shown(await plan(zone))).toEqual([['example.com:0.20', 'mx.example.com 192.0.2.1:25']]);
  });

  test('all gone: bounce 5.4.4, never the A record of the domain', async () => {
    const zone: DnsZone = { 'example.com': { MX: [[10, 'gone.example.com']], A: ['192.0.2.1'] } };
    expect(shown(await plan(zone))).toBe('bounce 5.4.4 No mail host of example.com exists');
  });

  test.each(['192.0.2.9', '[192.0.2.9]', '-mx.example', 'not a name'])(
    'a target that is no host name (%s) does not exist and is not asked for',
    async (target) => {
      expect(shown(await plan({ 'example.com': { MX: [[10, target]] } }))).toMatch(/^bounce 5\.4\.4 /);
      expect(server.queries.at(-1)).toMatchObject({ name: 'example.com', type: 'MX' });
    },
  );

  test.each(['SERVFAIL', 'DROP'] as const)('one target %s and one usable: the usable one', async (fault) => {
    const zone: DnsZone = {
      'example.com': {
        MX: [
          [10, 'ill.example.com'],
          [20, 'mx.example.com'],
        ],
      },
      'ill.example.com': fault,
      'mx.example.com': host('192.0.2.1'),
    };
    expect(shown(await plan(zone))).toEqual([['example.com:0.20', 'mx.example.com 192.0.2.1:25']]);
  });

  test.each(['SERVFAIL', 'DROP'] as const)('one target %s and none usable: defer 4.4.3', async (fault) => {
    const zone: DnsZone = {
      'example.com': {
        MX: [
          [10, 'ill.example.com'],
          [20, 'gone.example.com'],
          [30, 'inner.example.com'],
        ],
      },
      'ill.example.com': fault,
      'inner.example.com': host('10.0.0.1'),
    };
    expect(shown(await plan(zone))).toMatch(
      /^defer 4\.4\.3 The address of ill\.example\.com could not be looked up/,
    );
  });
});

describe('null MX (RFC 7505)', () => {
  test('alone: bounce 5.1.10, although there is an A record', async () => {
    expect(shown(await plan({ 'example.com': { MX: [[0, '.']], A: ['192.0.2.1'] } }))).toBe(
      'bounce 5.1.10 The domain example.com accepts no mail (null MX)',
    );
  });

  test('mixed with others: ignored', async () => {
    const zone: DnsZone = {
      'example.com': {
        MX: [
          [0, '.'],
          [10, 'mx.example.com'],
        ],
      },
      'mx.example.com': host('192.0.2.1'),
    };
    expect(shown(await plan(zone))).toEqual([['example.com:0.10', 'mx.example.com 192.0.2.1:25']]);
  });
});

describe('we are in the list', () => {
  const zone: DnsZone = {
    'example.com': {
      MX: [
        [10, 'mx1.example.com'],
        [20, 'mx2.example.com'],
        [20, 'relay.example.net'],
        [30, 'mx3.example.com'],
      ],
    },
    'mx1.example.com': host('192.0.2.1'),
    'mx2.example.com': host('192.0.2.2'),
    'mx3.example.com': host('192.0.2.3'),
    'relay.example.net': host('192.0.2.99'),
    'relay2.example.net': host('192.0.2.98'),
    'nat.example.net': host('192.0.2.97'),
    'own.example': {
      MX: [
        [10, 'relay2.example.net'],
        [10, 'mx1.example.com'],
      ],
    },
    'behind.example': {
      MX: [
        [5, 'nat.example.net'],
        [10, 'mx1.example.com'],
      ],
    },
  };
  const self = {
    hostname: 'Relay.Example.NET',
    ownNames: ['relay2.example.net.'],
    ownAddresses: ['192.0.2.97'],
  };

  test('hostname: we and all of equal or higher preference number are dropped', async () => {
    expect(shown(await plan(zone, { self }))).toEqual([['example.com:0.10', 'mx1.example.com 192.0.2.1:25']]);
  });

  test('ownNames, none left: bounce 5.4.6', async () => {
    expect(shown(await plan(zone, { self }, 'own.example'))).toBe(
      'bounce 5.4.6 The mail hosts of own.example lead back to this system',
    );
  });

  test('ownAddresses: by whatever name, private ones too', async () => {
    expect(shown(await plan(zone, { self }, 'behind.example'))).toMatch(/^bounce 5\.4\.6 /);
    const inner: DnsZone = { 'inner.example': { A: ['10.0.0.1'] } };
    expect(
      shown(await plan(inner, { self: { hostname: 'x', ownAddresses: ['10.0.0.1'] } }, 'inner.example')),
    ).toMatch(/^bounce 5\.4\.6 /);
    const mapped: DnsZone = { 'mapped.example': { AAAA: ['::ffff:192.0.2.97'] } };
    expect(shown(await plan(mapped, { self }, 'mapped.example'))).toMatch(/^bounce 5\.4\.6 /);
  });

  test('even if our own name does not resolve', async () => {
    const unknown: DnsZone = { 'example.com': { MX: [[10, 'relay.example.net']] } };
    delete server.zone['relay.example.net'];
    expect(shown(await plan(unknown, { self }))).toMatch(/^bounce 5\.4\.6 /);
  });

  test('the implicit MX of our own name', async () => {
    expect(shown(await plan(zone, { self }, 'relay.example.net'))).toMatch(/^bounce 5\.4\.6 /);
  });

  test('those before us cannot be looked up: defer 4.4.3, for they may be back', async () => {
    const backup: DnsZone = {
      'example.com': {
        MX: [
          [10, 'primary.example.com'],
          [20, 'relay.example.net'],
        ],
      },
      'primary.example.com': 'SERVFAIL',
    };
    expect(shown(await plan({ ...zone, ...backup }, { self }))).toMatch(/^defer 4\.4\.3 /);
  });
});

describe('addresses that are not public', () => {
  test.each([
    ['127.0.0.1'],
    ['10.1.2.3'],
    ['172.16.0.1'],
    ['192.168.1.1'],
    ['169.254.169.254'],
    ['224.0.0.1'],
    ['0.0.0.0'],
    ['255.255.255.255'],
    ['::1'],
    ['fe80::1'],
    ['fd00::1'],
    ['ff02::1'],
    ['::ffff:10.0.0.1'],
    ['64:ff9b::a00:1'],
  ])('%s is refused 5.4.4 unless allowPrivate', async (address) => {
    const records = address.includes(':') ? { AAAA: [address] } : { A: [address] };
    const zone: DnsZone = { 'example.com': { MX: [[10, 'mx.example.com']] }, 'mx.example.com': records };
    expect(shown(await plan(zone))).toBe('bounce 5.4.4 The mail hosts of example.com have no public address');
    expect(await plan(zone, { allowPrivate: true })).toMatchObject({ kind: 'tiers', tiers: { length: 1 } });
  });

  test('a public one beside it is used', async () => {
    const zone: DnsZone = { 'example.com': { A: ['10.0.0.1', '192.0.2.1'] } };
    expect(shown(await plan(zone))).toEqual([['example.com:0', 'example.com 192.0.2.1:25']]);
  });
});

describe('address literals', () => {
  test.each([
    ['[8.8.8.8]', [['[8.8.8.8]:0', 'undefined 8.8.8.8:25']]],
    ['[ipv6_2606_4700__1]', [['[ipv6_2606_4700__1]:0', 'undefined [2606:4700::1]:25']]],
    ['[10.0.0.1]', 'bounce 5.4.4 The private address 10.0.0.1 needs a route to be delivered to'],
    ['[127.0.0.1]', 'bounce 5.4.4 The loopback address 127.0.0.1 needs a route to be delivered to'],
    ['[192.0.2.97]', 'bounce 5.4.6 The address 192.0.2.97 is this system'],
  ])('%s', async (destination, expected) => {
    const self = { hostname: 'x', ownAddresses: ['192.0.2.97'] };
    server.forgetQueries();
    expect(shown(await plan({}, { self }, destination))).toEqual(expected);
    expect(server.queries).toEqual([]);
  });

  test('a private one goes where its route says, or where allowPrivate lets it', async () => {
    const routes = { text: '[10.0.0.1] 10.0.0.1:2525' };
    expect(shown(await plan({}, { routes }, '[10.0.0.1]'))).toEqual([
      ['[10.0.0.1]:0', 'undefined 10.0.0.1:2525'],
    ]);
    expect(await plan({}, { allowPrivate: true }, '[10.0.0.1]')).toMatchObject({ kind: 'tiers' });
  });
});
