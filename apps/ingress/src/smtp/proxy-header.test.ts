/** Headers of the PROXY protocol, good and bad, whole and cut anywhere. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readProxyHeader } from './proxy-header.ts';

const signature = '0d0a0d0a000d0a515549540a';
const v2 = (rest: string): Buffer => Buffer.from(`${signature}${rest}`, 'hex');
const binary4 = v2('2111000cc000020a0a0000010fa00019');
const binary6 = v2(
  '21210024' + '20010db8000000000000000000000001' + '20010db8000000000000000000000002' + '0fa00019',
);

describe('version 1', () => {
  test.each([
    ['PROXY TCP4 192.0.2.10 10.0.0.1 4000 25\r\n', { address: '192.0.2.10', port: 4000 }],
    ['PROXY TCP6 2001:db8::1 2001:db8::2 4000 25\r\n', { address: '2001:db8::1', port: 4000 }],
    ['PROXY UNKNOWN\r\n', {}],
    ['PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n', {}],
  ])('%j is read', (line, facts) => {
    expect(readProxyHeader(Buffer.from(`${line}EHLO a\r\n`))).toEqual({
      kind: 'header',
      bytes: line.length,
      ...facts,
    });
  });

  test.each([
    'EHLO a\r\n',
    'proxy TCP4 192.0.2.10 10.0.0.1 4000 25\r\n',
    'PROXY TCP4 192.0.2.10 10.0.0.1 4000\r\n',
    'PROXY TCP4 2001:db8::1 10.0.0.1 4000 25\r\n',
    'PROXY TCP4 192.0.2.10 10.0.0.1 4000 25 x\r\n',
    'PROXY TCP4 192.0.2.10 10.0.0.1 70000 25\r\n',
    'PROXY TCP4 192.0.2.10 10.0.0.1 4000 25\nEHLO\r\n',
    'PROXY  TCP4 192.0.2.10 10.0.0.1 4000 25\r\n',
    'PROXY UDP4 192.0.2.10 10.0.0.1 4000 25\r\n',
    'PROXY UNKNOWNER\r\n',
    `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
    `PROXY UNKNOWN ${'x'.repeat(100)}`,
  ])('%j is bad', (line) => {
    expect(readProxyHeader(Buffer.from(line)).kind).toBe('bad');
  });
});

describe('version 2', () => {
  test('IPv4, IPv6, LOCAL and extensions are read', () => {
    expect(readProxyHeader(binary4)).toEqual({
      kind: 'header',
      bytes: 28,
      address: '192.0.2.10',
      port: 4000,
    });
    expect(readProxyHeader(binary6)).toMatchObject({
      bytes: 52,
      address: '2001:db8:0:0:0:0:0:1',
      port: 4000,
    });
    expect(readProxyHeader(v2('20000000'))).toEqual({ kind: 'header', bytes: 16 });
    expect(readProxyHeader(v2('2111000fc000020a0a0000010fa0001904000161'))).toMatchObject({
      bytes: 31,
      address: '192.0.2.10',
    });
  });

  test.each([
    '1111000cc000020a0a0000010fa00019',
    '2211000cc000020a0a0000010fa00019',
    '21110008c000020a0a000001',
    '2131000c000000000000000000000000',
    '2111ffff',
  ])('%s is bad', (rest) => {
    expect(readProxyHeader(v2(rest)).kind).toBe('bad');
  });
});

test('a header cut anywhere is partial, never another address', () => {
  const line = Buffer.from('PROXY TCP4 192.0.2.10 10.0.0.1 4000 25\r\n');
  for (const whole of [line, binary4, binary6]) {
    for (let end = 0; end < whole.length; end++) {
      expect(readProxyHeader(whole.subarray(0, end))).toEqual({ kind: 'partial' });
    }
  }
});

test('arbitrary bytes never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, signed) => {
      const header = readProxyHeader(signed ? Buffer.concat([v2(''), bytes]) : Buffer.from(bytes));
      expect(['partial', 'bad', 'header']).toContain(header.kind);
    }),
  );
});
