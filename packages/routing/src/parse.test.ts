import { describe, expect, test } from 'vitest';
import { formatRouteError, parseRoutes } from './parse.ts';
import type { RouteTarget } from './types.ts';

const errorsOf = (text: string): string[] => {
  const result = parseRoutes(text);
  return result.ok ? [] : result.errors.map(formatRouteError);
};
const targetOf = (list: string): RouteTarget | string[] => {
  const result = parseRoutes(`example.com ${list}`);
  return result.ok ? (result.table.routes[0]?.target ?? []) : result.errors.map(formatRouteError);
};
const host = (fields: object) => ({ port: 25, priority: 0, ...fields });

describe('a table', () => {
  test('is one route a line; comments, empty lines, tabs, CRLF and a byte order mark do not matter', () => {
    const result = parseRoutes(
      '\ufeff# our routes\r\n\r\n  Example.COM \t 10.0.0.1/pri=0, 10.0.0.2:2525/pri=0, backup.example.net/pri=10  # seed\r\n.example.com USEDNS\r\nALL\t/dev/null',
    );
    expect(result.ok && result.table.routes).toEqual([
      {
        key: 'example.com',
        line: 3,
        target: {
          kind: 'hosts',
          hosts: [
            host({ kind: 'ipv4', address: '10.0.0.1' }),
            host({ kind: 'ipv4', address: '10.0.0.2', port: 2525 }),
            host({ kind: 'name', name: 'backup.example.net', priority: 10 }),
          ],
        },
      },
      { key: '.example.com', line: 4, target: { kind: 'dns' } },
      { key: 'ALL', line: 5, target: { kind: 'discard' } },
    ]);
  });

  test('keys are normalised, so that every spelling of a domain finds its route', () => {
    const result = parseRoutes(
      'MÜNCHEN.de. a\n.Example.Com b\n[IPv6:2001:DB8::1] c\n[192.0.2.1] d\nlocalhost e',
    );
    expect(result.ok && result.table.routes.map((route) => route.key)).toEqual([
      'xn--mnchen-3ya.de',
      '.example.com',
      '[ipv6_2001_db8__1]',
      '[192.0.2.1]',
      'localhost',
    ]);
  });

  test('may be empty', () => {
    expect(parseRoutes('')).toMatchObject({ ok: true, table: { routes: [] } });
    expect(parseRoutes('# nothing\n\n')).toMatchObject({ ok: true, table: { routes: [] } });
  });
});

describe('a host', () => {
  test.each([
    ['mx.example.net', { kind: 'name', name: 'mx.example.net' }],
    ['MX.Example.NET:587', { kind: 'name', name: 'mx.example.net', port: 587 }],
    ['[mx.example.net]', { kind: 'bracketed', name: 'mx.example.net' }],
    [
      '[mx.example.net]:465/pri=65535',
      { kind: 'bracketed', name: 'mx.example.net', port: 465, priority: 65535 },
    ],
    ['10.0.0.1', { kind: 'ipv4', address: '10.0.0.1' }],
    ['[10.0.0.1]:26', { kind: 'ipv4', address: '10.0.0.1', port: 26 }],
    ['2001:DB8:0::1', { kind: 'ipv6', address: '2001:db8::1' }],
    ['2001:db8::1/pri=5', { kind: 'ipv6', address: '2001:db8::1', priority: 5 }],
    ['[2001:db8::1]', { kind: 'ipv6', address: '2001:db8::1' }],
    ['[2001:db8::1]:25', { kind: 'ipv6', address: '2001:db8::1' }],
    ['::ffff:10.0.0.1', { kind: 'ipv4', address: '10.0.0.1' }],
  ])('%s', (text, fields) => {
    expect(targetOf(text)).toEqual({ kind: 'hosts', hosts: [host(fields)] });
  });
});

describe('an error names line and column', () => {
  // The list starts in column 13, after `example.com `.
  test.each([
    ['10.0.0.1/pri=65536', 'column 26: priority "65536" is not between 0 and 65535'],
    ['10.0.0.1/pri=-1', 'column 21: "/pri=-1" is not /pri=N'],
    ['10.0.0.1/PRI=1', 'column 21: "/PRI=1" is not /pri=N'],
    ['10.0.0.1/pri=', 'column 21: "/pri=" is not /pri=N'],
    ['10.0.0.1/24', 'column 21: "/24" is not /pri=N'],
    ['10.0.0.1:0', 'column 22: port "0" is not between 1 and 65535'],
    ['10.0.0.1:65536', 'column 22: port "65536" is not between 1 and 65535'],
    ['10.0.0.1:smtp', 'column 22: port "smtp" is not between 1 and 65535'],
    ['mx.example.net:', 'column 28: port "" is not between 1 and 65535'],
    ['[2001:db8::1]:x/pri=1', 'column 27: port "x" is not between 1 and 65535'],
    ['[2001:db8::1]25', 'column 26: "25" after the bracket is not :port'],
    ['[2001:db8::1', 'column 13: "[2001:db8::1" has no closing bracket'],
    [
      '[2001:db8:::1]',
      'column 14: "2001:db8:::1" is not an IPv6 address; with a port write [2001:db8::1]:25',
    ],
    ['1:2:3', 'column 13: "1:2:3" is not an IPv6 address; with a port write [2001:db8::1]:25'],
    ['fe80::1%eth0', 'column 13: "fe80::1%eth0" is not an IPv6 address; with a port write [2001:db8::1]:25'],
    ['10.0.0.256', 'column 13: "10.0.0.256" is neither a host name nor an IP address'],
    ['10.1', 'column 13: "10.1" is neither a host name nor an IP address'],
    ['mx..example.net', 'column 13: "mx..example.net" is neither a host name nor an IP address'],
    ['[]', 'column 14: "" is neither a host name nor an IP address'],
    ['[[mx]]', 'column 18: "]" after the bracket is not :port'],
    ['10.0.0.1 10.0.0.2', 'column 21: unexpected space in "10.0.0.1 10.0.0.2": separate hosts with a comma'],
    ['10.0.0.1,', 'column 22: a host is missing beside the comma'],
    ['10.0.0.1, ,10.0.0.2', 'column 22: a host is missing beside the comma'],
    [',10.0.0.1', 'column 13: a host is missing beside the comma'],
    ['10.0.0.1, /dev/null', 'column 23: /dev/null stands alone, without other hosts'],
    ['USEDNS, 10.0.0.1', 'column 13: USEDNS stands alone, without other hosts'],
    ['usedns', 'column 13: write USEDNS exactly so'],
    ['/DEV/NULL', 'column 13: write /dev/null exactly so'],
    ['/dev/zero', 'column 13: "/dev/zero" is not /pri=N'],
    ['USEDNS/pri=1', 'ok'],
    [':25', 'column 13: a host is missing'],
  ])('%s', (list, message) => {
    if (message === 'ok') expect(targetOf(list)).toMatchObject({ kind: 'hosts' });
    else expect(targetOf(list)).toEqual([`line 1, ${message}`]);
  });

  test.each([
    ['example.com', 'line 1, column 12: the destination of the route is missing'],
    ['  example.com  # nothing', 'line 1, column 14: the destination of the route is missing'],
    ['all 10.0.0.1', 'line 1, column 1: write ALL in capitals for the default route'],
    [
      ' exa_mple!.com 10.0.0.1',
      'line 1, column 2: "exa_mple!.com" is not a domain, .domain, [address] or ALL: the domain is not a valid host name',
    ],
    [
      '.[192.0.2.1] 10.0.0.1',
      'line 1, column 1: ".[192.0.2.1]" is not a domain, .domain, [address] or ALL: an address literal has no subdomains',
    ],
    [
      '10.0.0.1 10.0.0.2',
      'line 1, column 1: "10.0.0.1" is not a domain, .domain, [address] or ALL: the domain ends in a number; write an address literal as [192.0.2.1]',
    ],
    ['. 10.0.0.1', 'line 1, column 1: "." is not a domain, .domain, [address] or ALL: the domain is missing'],
    ['Example.com a\nexample.COM. b', 'line 2, column 1: example.com has a route already, in line 1'],
    ['ALL a\n ALL b', 'line 2, column 2: ALL has a route already, in line 1'],
  ])('%j', (text, message) => {
    expect(errorsOf(text)).toEqual([message]);
  });

  test('all of them are reported, those of one line too', () => {
    expect(errorsOf('bad!key 10.0.0.1:x, 10.0.0.2/pri=x\nexample.com a\n\nexample.org [x')).toEqual([
      'line 1, column 1: "bad!key" is not a domain, .domain, [address] or ALL: the domain is not a valid host name',
      'line 1, column 18: port "x" is not between 1 and 65535',
      'line 1, column 29: "/pri=x" is not /pri=N',
      'line 4, column 13: "[x" has no closing bracket',
    ]);
  });

  test('at most 20, and what is quoted is short and printable', () => {
    const errors = errorsOf(`example.com ${'\x1b[2J!'.repeat(100)}\n${'x\n'.repeat(100)}`);
    expect(errors).toHaveLength(20);
    expect(errors[0]).toMatch(/^line 1, column 13: "\\x1b\[2J!/);
    expect(errors[0]?.length).toBeLessThan(150);
  });
});

describe('limits', () => {
  test('40,000 routes are taken in well under half a second, one more is an error', () => {
    const lines = Array.from(
      { length: 40_000 },
      (_, n) => `domain${n}.example 10.0.0.1/pri=0, mx${n}.example.net:2525/pri=10`,
    );
    const text = lines.join('\n');
    // Time of this thread, best of three: the machine has other work, and the first run pays for compilation.
    const tookMs = [1, 2, 3].map(() => {
      const before = process.threadCpuUsage();
      const result = parseRoutes(text);
      const { user, system } = process.threadCpuUsage(before);
      expect(result.ok && result.table.routes.length).toBe(40_000);
      return (user + system) / 1000;
    });
    expect(Math.min(...tookMs)).toBeLessThan(500);
    expect(errorsOf(`${text}\nALL USEDNS`)).toEqual(['line 40001, column 1: more than 40000 routes']);
  });

  test('a route has at most 100 hosts', () => {
    const list = (count: number) => Array.from({ length: count }, (_, n) => `10.0.0.${n}`).join(',');
    expect(errorsOf(`ALL ${list(100)}`)).toEqual([]);
    expect(errorsOf(`ALL ${list(101)}`)).toEqual([
      'line 1, column 5: the route has 101 hosts, at most 100 are allowed',
    ]);
  });
});
