import type { DestinationKey } from '@mailwheel/envelope';
import { describe, expect, test } from 'vitest';
import { explainMatch, matchRoute } from './match.ts';
import { parseRoutes } from './parse.ts';
import { emptyTable } from './table.ts';
import type { RouteTable } from './table.ts';

const destination = (text: string) => text as DestinationKey;
const tableOf = (text: string): RouteTable => {
  const result = parseRoutes(text);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.table;
};
const keyFor = (table: RouteTable, text: string): string => {
  const match = matchRoute(table, destination(text));
  return match.kind === 'route' ? match.route.key : 'none';
};
const lines = [
  'ALL relay.example',
  '.com USEDNS',
  '.example.com a',
  '.b.example.com b',
  'example.com c',
  'x.b.example.com d',
  '[192.0.2.1] e',
];
const expectations = [
  ['example.com', 'example.com'],
  ['a.example.com', '.example.com'],
  ['b.example.com', '.example.com'],
  ['y.b.example.com', '.b.example.com'],
  ['z.y.b.example.com', '.b.example.com'],
  ['x.b.example.com', 'x.b.example.com'],
  ['z.x.b.example.com', '.b.example.com'],
  ['notexample.com', '.com'],
  ['com', 'ALL'],
  ['example.org', 'ALL'],
  ['[192.0.2.1]', '[192.0.2.1]'],
  ['[192.0.2.2]', 'ALL'],
  ['[ipv6_2001_db8__1]', 'ALL'],
] as const;

describe('the most specific route wins', () => {
  const written = tableOf(lines.join('\n'));
  const reversed = tableOf(lines.toReversed().join('\n'));

  test.each(expectations)('%s takes %s whatever the order', (text, key) => {
    expect(keyFor(written, text)).toBe(key);
    expect(keyFor(reversed, text)).toBe(key);
  });

  test('without ALL nothing matches the rest', () => {
    const table = tableOf('.example.com a');
    expect(keyFor(table, 'example.com')).toBe('none');
    expect(keyFor(table, '[192.0.2.1]')).toBe('none');
    expect(keyFor(emptyTable, 'example.com')).toBe('none');
  });
});

describe('explainMatch', () => {
  test('gives the same route as matchRoute, with what it beat and why', () => {
    const table = tableOf(lines.join('\n'));
    for (const [text] of expectations) {
      expect(explainMatch(table, destination(text)).match).toEqual(matchRoute(table, destination(text)));
    }
    const explained = explainMatch(table, destination('y.b.example.com'));
    expect(explained.passedOver.map((route) => route.key)).toEqual(['.example.com', '.com', 'ALL']);
    expect(explained.why).toBe(
      'line 4 ".b.example.com  b" matches: y.b.example.com is a subdomain of it and no longer entry matches',
    );
    expect(explainMatch(table, destination('example.com')).why).toContain('it names the destination itself');
    expect(explainMatch(table, destination('org')).why).toContain('no other route matches');
    expect(explainMatch(emptyTable, destination('org')).why).toBe(
      'no route matches org and there is no ALL: its MX records decide',
    );
  });
});

test('matching among 40,000 routes takes under 5 microseconds', () => {
  const table = tableOf(
    Array.from({ length: 40_000 }, (_, n) => `${n % 2 ? '.' : ''}domain${n}.example 10.0.0.1`).join('\n'),
  );
  const asked = Array.from({ length: 1000 }, (_, n) => destination(`a.b.c.d.domain${n * 37}.example`));
  let matched = 0;
  const round = () => {
    for (const one of asked) if (matchRoute(table, one).kind === 'route') matched++;
  };
  const microseconds = Array.from({ length: 20 }, () => {
    const started = performance.now();
    round();
    return ((performance.now() - started) * 1000) / asked.length;
  });
  expect(matched).toBe(20 * 500);
  expect(Math.min(...microseconds)).toBeLessThan(5);
});
