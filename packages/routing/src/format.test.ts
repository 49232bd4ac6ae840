import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatRoutes } from './format.ts';
import { parseRoutes } from './parse.ts';
import { indexRoutes } from './table.ts';
import type { Route, RouteHost, RouteTarget } from './types.ts';

const name = fc.domain().map((domain) => domain.toLowerCase());
const port = fc.oneof(fc.constant(25), fc.integer({ min: 1, max: 65_535 }));
const priority = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 65_535 }));
const address = (text: string) => new URL(`http://[${text}]/`).hostname.slice(1, -1);
const ipv6 = fc
  .ipV6()
  .map(address)
  .filter((text) => !text.startsWith('::ffff:'));
const host: fc.Arbitrary<RouteHost> = fc.oneof(
  fc.record({ kind: fc.constantFrom('name' as const, 'bracketed' as const), name, port, priority }),
  fc.record({ kind: fc.constant('ipv4' as const), address: fc.ipV4(), port, priority }),
  fc.record({ kind: fc.constant('ipv6' as const), address: ipv6, port, priority }),
);
const target: fc.Arbitrary<RouteTarget> = fc.oneof(
  fc.record({ kind: fc.constant('hosts' as const), hosts: fc.array(host, { minLength: 1, maxLength: 4 }) }),
  fc.constant({ kind: 'discard' as const }),
  fc.constant({ kind: 'dns' as const }),
);
const key = fc.oneof(
  name,
  name.map((domain) => `.${domain}`),
  fc.ipV4().map((text) => `[${text}]`),
  ipv6.map((text) => `[ipv6_${text.replaceAll(':', '_')}]`),
  fc.constant('ALL'),
);
const routes: fc.Arbitrary<Route[]> = fc
  .uniqueArray(fc.record({ key, target }), { selector: (route) => route.key, maxLength: 12 })
  .map((entries) => entries.map((entry, index) => ({ ...entry, line: index + 1 })));

test('what is formatted parses to the same table', () => {
  fc.assert(
    fc.property(routes, (written) => {
      const table = indexRoutes(written);
      expect(parseRoutes(formatRoutes(table))).toEqual({ ok: true, table });
    }),
  );
});

test('a table written by hand keeps its meaning', () => {
  const text =
    'Example.com  10.0.0.1:25/pri=0,[2001:DB8::1]:25 , [mx.Example.net]:587/pri=3 # seed\n\n.example.com USEDNS\n[IPv6:2001:db8::1] /dev/null\nALL relay.example';
  const first = parseRoutes(text);
  const formatted = first.ok ? formatRoutes(first.table) : '';
  expect(formatted).toBe(
    'example.com  10.0.0.1, 2001:db8::1, [mx.example.net]:587/pri=3\n.example.com  USEDNS\n[IPv6:2001:db8::1]  /dev/null\nALL  relay.example\n',
  );
  const second = parseRoutes(formatted);
  expect(second.ok && formatRoutes(second.table)).toBe(formatted);
});
