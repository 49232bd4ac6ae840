import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRoutes } from './parse.ts';
import { noNextHops, readNextHops } from './policy.ts';
import type { NextHopSetting } from './policy.ts';
import { tiersFor } from './tiers.ts';
import type { MailHost, TierRequest } from './tiers.ts';
import type { Tier } from './types.ts';

type Setup = Partial<Omit<TierRequest, 'mailHosts' | 'nextHops'>> & {
  readonly mailHosts?: Readonly<Record<string, readonly MailHost[]>>;
  readonly nextHops?: Readonly<Record<string, NextHopSetting>>;
};

const tiersOf = (list: string, setup: Setup = {}): Tier[] => {
  const parsed = parseRoutes(`ALL ${list}`);
  const target = parsed.ok ? parsed.table.all?.target : undefined;
  const nextHops = readNextHops(setup.nextHops ?? {});
  if (target?.kind !== 'hosts' || !nextHops.ok) throw new Error('test data');
  return tiersFor({
    cursor: 'example.com',
    hosts: target.hosts,
    ipPreference: 'prefer-ipv4',
    reachable: { ipv4: true, ipv6: true },
    defaults: { tls: 'opportunistic' },
    ...setup,
    mailHosts: new Map(Object.entries(setup.mailHosts ?? {})),
    nextHops: nextHops.nextHops,
  });
};
const shown = (tiers: readonly Tier[]) =>
  tiers.map((tier) => [tier.key, ...tier.hosts.map((host) => host.key)]);
const at = (name: string, ...addresses: string[]): MailHost => ({ name, preference: 0, addresses });
const mx = (preference: number, name: string, ...addresses: string[]): MailHost => ({
  name,
  preference,
  addresses,
});

describe('tiers', () => {
  test('hosts of equal priority form one, in written order; lower numbers come first', () => {
    expect(shown(tiersOf('10.0.0.9/pri=10, 10.0.0.2, 10.0.0.1:2525, 2001:db8::1/pri=10'))).toEqual([
      ['example.com:0', '10.0.0.2:25', '10.0.0.1:2525'],
      ['example.com:10', '10.0.0.9:25', '[2001:db8::1]:25'],
    ]);
  });

  test('a name with three addresses is three hosts, in an order of their own', () => {
    const mailHosts = { '[mx.example]': [at('mx.example', '10.0.0.3', '10.0.0.1', '10.0.0.2')] };
    expect(shown(tiersOf('[mx.example]', { mailHosts }))).toEqual([
      ['example.com:0', '10.0.0.1:25', '10.0.0.2:25', '10.0.0.3:25'],
    ]);
  });

  test('MX preferences of a bare name are tiers within its priority', () => {
    const mailHosts = {
      'a.example': [mx(10, 'mx1.a.example', '10.0.0.1'), mx(20, 'mx2.a.example', '10.0.0.2')],
      'b.example': [mx(10, 'mx.b.example', '10.0.0.3')],
    };
    expect(shown(tiersOf('a.example, b.example, 10.0.0.4', { mailHosts }))).toEqual([
      ['example.com:0', '10.0.0.4:25'],
      ['example.com:0.10', '10.0.0.1:25', '10.0.0.3:25'],
      ['example.com:0.20', '10.0.0.2:25'],
    ]);
  });

  test('per name the preferred family comes first and the other forms the next tier', () => {
    const mailHosts = {
      '[both.example]': [at('both.example', '10.0.0.1', '2001:db8::1')],
      '[six.example]': [at('six.example', '2001:db8::6')],
    };
    expect(shown(tiersOf('[both.example], [six.example]', { mailHosts }))).toEqual([
      ['example.com:0', '10.0.0.1:25', '[2001:db8::6]:25'],
      ['example.com:0.0.1', '[2001:db8::1]:25'],
    ]);
    expect(
      shown(tiersOf('[both.example], [six.example]', { mailHosts, ipPreference: 'prefer-ipv6' })),
    ).toEqual([
      ['example.com:0', '[2001:db8::1]:25', '[2001:db8::6]:25'],
      ['example.com:0.0.1', '10.0.0.1:25'],
    ]);
    expect(
      shown(tiersOf('[both.example], [six.example]', { mailHosts, ipPreference: 'require-ipv4' })),
    ).toEqual([['example.com:0', '10.0.0.1:25']]);
    expect(shown(tiersOf('[both.example]', { mailHosts, ipPreference: 'require-ipv6' }))).toEqual([
      ['example.com:0', '[2001:db8::1]:25'],
    ]);
  });

  test('a family this machine cannot reach is left out without a mark', () => {
    const mailHosts = { '[both.example]': [at('both.example', '10.0.0.1', '2001:db8::1')] };
    const reachable = { ipv4: true, ipv6: false };
    expect(
      shown(tiersOf('[both.example], 2001:db8::2', { mailHosts, reachable, ipPreference: 'prefer-ipv6' })),
    ).toEqual([['example.com:0', '10.0.0.1:25']]);
    expect(tiersOf('2001:db8::2', { reachable })).toEqual([]);
    expect(shown(tiersOf('[::1]:2525', { reachable }))).toEqual([['example.com:0', '[::1]:2525']]);
  });

  test('a host named twice counts once, in the first of its tiers', () => {
    const mailHosts = { '[mx.example]': [at('mx.example', '10.0.0.1', '10.0.0.2')] };
    expect(shown(tiersOf('10.0.0.1/pri=10, [mx.example], 10.0.0.2, 10.0.0.3/pri=10', { mailHosts }))).toEqual(
      [
        ['example.com:0', '10.0.0.1:25', '10.0.0.2:25'],
        ['example.com:10', '10.0.0.3:25'],
      ],
    );
  });

  test('a name that leads nowhere is left out', () => {
    expect(shown(tiersOf('gone.example, 10.0.0.1'))).toEqual([['example.com:0', '10.0.0.1:25']]);
    expect(tiersOf('gone.example')).toEqual([]);
  });
});

describe('a host', () => {
  test('carries name, policy and label; its key has a digest only when its policy is its own', () => {
    const mailHosts = { '[mx.example]': [at('mx.example', '10.0.0.1')] };
    const nextHops = { 'mx.example:587': { tls: 'require', connectionsMax: 3 } } as const;
    const [plain, own] = tiersOf('[mx.example], [mx.example]:587', { mailHosts, nextHops })[0]?.hosts ?? [];
    expect(plain).toEqual({
      key: '10.0.0.1:25',
      label: '10.0.0.1:25',
      address: '10.0.0.1',
      port: 25,
      name: 'mx.example',
      policy: { tls: 'opportunistic' },
    });
    expect(own?.key).toMatch(/^10\.0\.0\.1:587\|[0-9a-f]{8}$/);
    expect(own).toMatchObject({ label: '10.0.0.1:587', policy: { tls: 'require', connectionsMax: 3 } });
  });

  test('whose certificate is checked is another host under another name', () => {
    const mailHosts = {
      '[a.example]': [at('a.example', '10.0.0.1')],
      '[b.example]': [at('b.example', '10.0.0.1')],
    };
    expect(tiersOf('[a.example]:465, [b.example]:465', { mailHosts })[0]?.hosts).toHaveLength(2);
    expect(tiersOf('[a.example], [b.example]', { mailHosts })[0]?.hosts).toHaveLength(1);
    expect(tiersOf('10.0.0.1:465')[0]?.hosts[0]?.key).toBe('10.0.0.1:465');
  });
});

test('no host occurs twice and every tier has one, whatever the names lead to', () => {
  const address = fc.oneof(fc.constantFrom('10.0.0.1', '10.0.0.2', '2001:db8::1'), fc.ipV4());
  const mailHost = fc.record({
    name: fc.constantFrom('x.example', 'y.example'),
    preference: fc.nat(3),
    addresses: fc.array(address, { maxLength: 4 }),
  });
  fc.assert(
    fc.property(
      fc.array(mailHost, { maxLength: 5 }),
      fc.constantFrom('prefer-ipv4' as const, 'prefer-ipv6' as const, 'require-ipv4' as const),
      (hosts, ipPreference) => {
        const tiers = tiersFor({
          cursor: 'c',
          hosts: [{ kind: 'name', name: 'n', port: 25, priority: 0 }],
          mailHosts: new Map([['n', hosts]]),
          ipPreference,
          reachable: { ipv4: true, ipv6: true },
          nextHops: noNextHops,
          defaults: { tls: 'opportunistic' },
        });
        const keys = tiers.flatMap((tier) => tier.hosts.map((host) => host.key));
        expect(new Set(keys).size).toBe(keys.length);
        expect(new Set(tiers.map((tier) => tier.key)).size).toBe(tiers.length);
        expect(tiers.every((tier) => tier.hosts.length > 0)).toBe(true);
        const wanted = new Set(
          hosts
            .flatMap((host) => host.addresses)
            .filter((text) => ipPreference !== 'require-ipv4' || !text.includes(':')),
        );
        expect(new Set(tiers.flatMap((tier) => tier.hosts.map((host) => host.address)))).toEqual(wanted);
      },
    ),
  );
});
