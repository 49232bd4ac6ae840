import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddress } from './address.ts';

const read = (text: string, smtpUtf8 = false): string => {
  const result = parseAddress(text, { smtpUtf8 });
  return result.ok ? `${result.address} to ${result.destination}` : `${result.code} ${result.enhancedCode}`;
};

describe('parseAddress accepts', () => {
  test.each([
    ['User@Example.COM', 'User@Example.COM to example.com'],
    ["o'hara+tag=x/y@example.com", "o'hara+tag=x/y@example.com to example.com"],
    ['"john smith"@example.com', '"john smith"@example.com to example.com'],
    ['"a@b"@example.com', '"a@b"@example.com to example.com'],
    ['"a\\"b\\\\"@example.com', '"a\\"b\\\\"@example.com to example.com'],
    ['""@example.com', '""@example.com to example.com'],
    ['user@[192.0.2.1]', 'user@[192.0.2.1] to [192.0.2.1]'],
    ['user@[IPv6:2001:db8::1]', 'user@[IPv6:2001:db8::1] to [ipv6_2001_db8__1]'],
    ['user%evil.example@example.com', 'user%evil.example@example.com to example.com'],
    ['evil.example!user@example.com', 'evil.example!user@example.com to example.com'],
  ])('%s', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  test('UTF-8 in both halves with SMTPUTF8 only', () => {
    expect(read('jörg@münchen.de', true)).toBe('jörg@münchen.de to xn--mnchen-3ya.de');
    expect(read('"jörg x"@example.com', true)).toBe('"jörg x"@example.com to example.com');
    expect(read('😀@example.com', true)).toBe('😀@example.com to example.com');
    expect(read('jörg@example.com')).toBe('553 5.6.7');
    expect(read('user@münchen.de')).toBe('553 5.6.7');
  });

  test('a source route is dropped and mail goes to the domain of the mailbox', () => {
    expect(read('@relay.example,@[IPv6:2001:db8::9]:user@example.com')).toBe(
      'user@example.com to example.com',
    );
    expect(read('@relay.example:"a:b"@example.com')).toBe('"a:b"@example.com to example.com');
  });
});

describe('parseAddress refuses', () => {
  test.each([
    [''],
    ['user'],
    ['postmaster'],
    ['Postmaster'],
    ['@example.com'],
    ['user@'],
    ['user@@example.com'],
    ['a@b@example.com'],
    ['.user@example.com'],
    ['user.@example.com'],
    ['us..er@example.com'],
    ['us er@example.com'],
    ['us(er)@example.com'],
    ['<user@example.com>'],
    ['user@example.com>'],
    ['"user@example.com'],
    ['"us"er"@example.com'],
    ['"user"x@example.com'],
    ['us"er"@example.com'],
    ['"user\\"@example.com'],
    ['user@example.com.'],
    ['user@exam ple.com'],
    ['user@example.com\r\nRCPT TO:<x@y>'],
    ['"us\ner"@example.com'],
    ['us\0er@example.com'],
    ['us\x7fer@example.com'],
    ['@relay.example'],
    ['@relay.example:'],
    ['@relay.example,user@example.com'],
    ['@:user@example.com'],
    ['@bad domain:user@example.com'],
    ['@a@b:user@example.com'],
    ['@a:@b:user@example.com'],
  ])('%j with 501 5.1.3', (text) => {
    expect(read(text)).toBe('501 5.1.3');
  });

  test('domains that are numbers, and text that is not UTF-8', () => {
    expect(read('user@0x7f.1')).toBe('553 5.1.3');
    expect(read('us\ufffder@example.com', true)).toBe('501 5.1.3');
    expect(read('\ud800@example.com', true)).toBe('501 5.1.3');
    expect(read('a\u0085b@example.com', true)).toBe('501 5.1.3');
    expect(read('a\u2028b@example.com', true)).toBe('501 5.1.3');
  });

  test('limits count octets: 64 the local part, 254 the path', () => {
    expect(read(`${'a'.repeat(64)}@example.com`)).toMatch(/ to example\.com$/);
    expect(read(`${'a'.repeat(65)}@example.com`)).toBe('501 5.1.3');
    expect(read(`${'ü'.repeat(32)}@example.com`, true)).toMatch(/ to example\.com$/);
    expect(read(`${'ü'.repeat(33)}@example.com`, true)).toBe('501 5.1.3');
    const domain = `${'a.'.repeat(126)}a`;
    expect(read(`a@${domain.slice(0, 251)}`)).toMatch(/^a@/);
    expect(read(`aa@${domain.slice(0, 251)}`)).toMatch(/^aa@/);
    expect(read(`aaa@${domain.slice(0, 251)}`)).toBe('501 5.1.3');
    expect(read('a'.repeat(10_000_000))).toBe('501 5.1.3');
  });
});

describe('whatever comes in', () => {
  const piece = fc.oneof(
    fc.emailAddress(),
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ unit: fc.constantFrom(...Array.from('ab."\\@[]:%! \r\n,ü')), maxLength: 30 }),
  );

  test('an accepted address has no line break, ends in its domain and reads the same again', () => {
    fc.assert(
      fc.property(piece, fc.boolean(), (text, smtpUtf8) => {
        const result = parseAddress(text, { smtpUtf8 });
        if (!result.ok) {
          expect(result.text).toMatch(/^[ -~]{1,100}$/);
          return;
        }
        expect(result.address).toBe(`${result.local}@${result.domain}`);
        expect(text.endsWith(result.address)).toBe(true);
        expect(result.address).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
        expect(parseAddress(result.address, { smtpUtf8 })).toEqual(result);
      }),
      { numRuns: 3000 },
    );
  });
});
