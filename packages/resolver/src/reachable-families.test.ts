import { describe, expect, test } from 'vitest';
import { familiesOf, watchFamilies } from './reachable-families.ts';

const loopback = [
  { family: 'IPv4', address: '127.0.0.1', internal: true },
  { family: 'IPv6', address: '::1', internal: true },
];
const on = (family: string, address: string) => ({ family, address, internal: false });

describe('familiesOf', () => {
  test.each([
    ['both', [on('IPv4', '10.0.0.1'), on('IPv6', '2606:4700::1')], { ipv4: true, ipv6: true }],
    [
      'IPv4 with a link-local IPv6 address',
      [on('IPv4', '10.0.0.1'), on('IPv6', 'fe80::1')],
      { ipv4: true, ipv6: false },
    ],
    ['a private IPv6 network only', [on('IPv6', 'fd00::1')], { ipv4: false, ipv6: true }],
    [
      'a self-assigned IPv4 address only',
      [on('IPv4', '169.254.0.1'), on('IPv6', 'fd00::1')],
      { ipv4: false, ipv6: true },
    ],
    ['nothing but loopback: offline, connecting tells', [], { ipv4: true, ipv6: true }],
  ])('%s', (_, eth0, families) => {
    expect(familiesOf({ lo: loopback, eth0 })).toEqual(families);
  });
});

test('the interfaces of this machine are looked at again after ten seconds', () => {
  let nowMs = 0;
  const families = watchFamilies(() => nowMs);
  const first = families();
  nowMs = 9_999;
  expect(families()).toBe(first);
  nowMs = 10_000;
  expect(families()).not.toBe(first);
  expect(families()).toEqual(first);
});
