import { describe, expect, test } from 'vitest';
import { trustedNetworks } from './trusted-networks.ts';

describe('trusted networks', () => {
  const trusted = trustedNetworks(['127.0.0.0/8', '192.0.2.1', '2001:db8::/32']);

  test.each([
    ['127.0.0.1', true],
    ['127.255.0.9', true],
    ['::ffff:127.0.0.1', true],
    ['192.0.2.1', true],
    ['192.0.2.2', false],
    ['::ffff:192.0.2.2', false],
    ['2001:db8:1::5', true],
    ['2001:db9::5', false],
    ['::1', false],
    ['', false],
    ['not an address', false],
  ])('%s: %s', (address, expected) => {
    expect(trusted(address)).toBe(expected);
  });

  test('nobody is trusted by an empty list', () => {
    expect(trustedNetworks([])('127.0.0.1')).toBe(false);
  });

  test.each([['example.com'], ['10.0.0.0/33'], ['10.0.0.0/'], ['10.0.0.0/8/8'], ['::/129'], ['']])(
    'the typing error %j stops the start',
    (network) => {
      expect(() => trustedNetworks([network])).toThrow(RangeError);
    },
  );
});
