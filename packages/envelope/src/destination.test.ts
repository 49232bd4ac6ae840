import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { destinationAddress, destinationKey } from './destination.ts';

const keyOf = (domain: string): string => {
  const result = destinationKey(domain);
  return result.ok ? result.key : `${result.code} ${result.enhancedCode}`;
};

describe('destinationKey', () => {
  test.each([
    ['Example.COM', 'example.com'],
    ['example.com.', 'example.com'],
    ['localhost', 'localhost'],
    ['my_host.example', 'my_host.example'],
    ['4u.example', '4u.example'],
    ['1.2.3.4.example', '1.2.3.4.example'],
    ['XN--MNCHEN-3YA.de', 'xn--mnchen-3ya.de'],
    ['MÜNCHEN.de', 'xn--mnchen-3ya.de'],
    ['mu\u0308nchen.de', 'xn--mnchen-3ya.de'],
    ['faß.de', 'xn--fa-hia.de'],
    ['例え。テスト', 'xn--r8jz45g.xn--zckzah'],
    ['ｅｘａｍｐｌｅ.com', 'example.com'],
    ['[1.2.3.4]', '[1.2.3.4]'],
    ['[IPv6:2001:DB8:0::1]', '[ipv6_2001_db8__1]'],
    ['[ipv6:::1]', '[ipv6___1]'],
    ['[IPv6:::ffff:192.0.2.1]', '[192.0.2.1]'],
  ])('%s is %s', (domain, key) => {
    expect(keyOf(domain)).toBe(key);
  });

  test.each([
    ['0x7f.1'],
    ['127.1'],
    ['1.2.3.4'],
    ['2130706433'],
    ['a.0x'],
    ['example.123'],
    ['１２７.０.０.１'],
    ['０x7f.1'],
    ['ⅰ.１'],
  ])('%s would be a number to the URL parser and is refused', (domain) => {
    expect(keyOf(domain)).toBe('553 5.1.3');
  });

  test.each([
    ['', 501],
    ['.', 501],
    ['..', 501],
    ['a..b', 501],
    ['.a', 501],
    ['-a.com', 501],
    ['a-.com', 501],
    ['a b', 501],
    ['a:25', 501],
    ['a/b', 501],
    ['a@b', 501],
    ['foo%41.com', 501],
    ['a\tb', 553],
    ['a\nb.de', 553],
    ['ü%41.de', 553],
    ['ü:25', 553],
    ['x@ü.de', 553],
    ['ü／.de', 553],
    ['ü。。de', 501],
    ['a\u00adb.com', 553],
    ['a\u200b.com', 553],
    ['\ud800.com', 553],
    ['\u0300a.com', 553],
    ['[1.2.3]', 501],
    ['[01.2.3.4]', 501],
    ['[::1]', 501],
    ['[IPv6:1.2.3.4]', 501],
    ['[IPv6:fe80::1%eth0]', 501],
    ['[tag:x]', 501],
    ['[1.2.3.4', 501],
    ['[1.2.3.4].', 501],
    ['[]', 501],
  ])('%j is refused with %i', (domain, code) => {
    expect(keyOf(domain)).toBe(`${code} 5.1.3`);
  });

  test('limits: 255 bytes the domain, 63 bytes a label, counted in A-labels', () => {
    const label = 'a'.repeat(63);
    const longest = `${label}.${label}.${label}.${label}`;
    expect(longest).toHaveLength(255);
    expect(keyOf(longest)).toBe(longest);
    expect(keyOf(`${longest}.`)).toBe(longest);
    expect(keyOf(`${longest}b`)).toBe('501 5.1.3');
    expect(keyOf(`${'a'.repeat(64)}.de`)).toBe('501 5.1.3');
    expect(keyOf(`${'ü'.repeat(60)}.de`)).toMatch(/^(501|553)/);
    expect(keyOf('x'.repeat(1_000_000))).toBe('501 5.1.3');
  });

  test('a key is short, of the stated characters, and its own key', () => {
    const domain = fc.oneof(
      fc.domain(),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.ipV6().map((ip) => `[IPv6:${ip}]`),
    );
    fc.assert(
      fc.property(domain, (text) => {
        const result = destinationKey(text);
        if (!result.ok) {
          expect([501, 553]).toContain(result.code);
          expect(result.text).toMatch(/^[ -~]{1,100}$/);
          return;
        }
        expect(result.key).toMatch(/^[a-z0-9._[\]-]{1,255}$/);
        const address = destinationAddress(result.key);
        const again =
          address === undefined ? result.key : `[${address.includes(':') ? 'IPv6:' : ''}${address}]`;
        expect(destinationKey(again)).toEqual(result);
      }),
      { numRuns: 2000 },
    );
  });

  test('the address of a literal comes back, a domain has none', () => {
    const back = (domain: string) => {
      const result = destinationKey(domain);
      return result.ok ? destinationAddress(result.key) : 'refused';
    };
    expect(back('[192.0.2.1]')).toBe('192.0.2.1');
    expect(back('[IPv6:2001:db8::1]')).toBe('2001:db8::1');
    expect(back('[IPv6:::1]')).toBe('::1');
    expect(back('example.com')).toBeUndefined();
  });
});
