import { describe, expect, test } from 'vitest';
import { parseHost } from './host.ts';
import { noNextHops, policyDigest, policyFor, readNextHops } from './policy.ts';
import type { NextHopSetting } from './policy.ts';
import type { NextHopPolicy } from './types.ts';

const defaults: NextHopPolicy = { tls: 'opportunistic' };
const policyOf = (setting: Record<string, NextHopSetting>, written: string): NextHopPolicy => {
  const read = readNextHops(setting);
  const parsed = parseHost(written);
  if (!read.ok || !parsed.ok) throw new Error('test data');
  return policyFor(read.nextHops, defaults, parsed.host);
};

describe('policyFor', () => {
  test('without an entry the defaults hold; port 465 is TLS from the first byte, 587 is not', () => {
    expect(policyOf({}, 'mx.example.net')).toEqual(defaults);
    expect(policyOf({}, 'mx.example.net:587')).toEqual(defaults);
    expect(policyOf({}, 'mx.example.net:465')).toEqual({ tls: 'implicit' });
  });

  test('an entry without port holds for every port, one with port wins over it', () => {
    const setting = {
      'Smtp.Example.NET': { tls: 'require' },
      'smtp.example.net:587': { tls: 'verify' },
      '[2001:DB8::1]:26': { heloName: 'six' },
      '10.0.0.1': { heloName: 'four' },
    } as const;
    expect(policyOf(setting, 'smtp.example.net').tls).toBe('require');
    expect(policyOf(setting, '[smtp.example.net]:26').tls).toBe('require');
    expect(policyOf(setting, 'smtp.example.net:587').tls).toBe('verify');
    expect(policyOf(setting, 'other.example.net').tls).toBe('opportunistic');
    expect(policyOf(setting, '[2001:db8::1]:26').heloName).toBe('six');
    expect(policyOf(setting, '2001:db8::1').heloName).toBeUndefined();
    expect(policyOf(setting, '10.0.0.1:2525')).toEqual({ tls: 'opportunistic', heloName: 'four' });
  });

  test('an entry for port 25 is no entry for other ports', () => {
    expect(policyOf({ 'mx.example.net:25': { tls: 'none' } }, 'mx.example.net').tls).toBe('none');
    expect(policyOf({ 'mx.example.net:25': { tls: 'none' } }, 'mx.example.net:26').tls).toBe('opportunistic');
  });

  test('an entry keeps the default TLS level of its port, and may set another', () => {
    const auth = { user: 'relay', passwordFile: 'secret' };
    expect(policyOf({ 'mx.example.net': { auth } }, 'mx.example.net:465')).toEqual({ tls: 'implicit', auth });
    expect(policyOf({ 'mx.example.net': { tls: 'none' } }, 'mx.example.net:465').tls).toBe('none');
  });

  test('a value that is undefined does not hide the default', () => {
    const entry = { tls: undefined, heloName: 'x' };
    expect(policyOf({ 'mx.example.net': entry }, 'mx.example.net')).toEqual({
      tls: 'opportunistic',
      heloName: 'x',
    });
  });
});

test('readNextHops reports keys that are no host, have a priority or repeat another', () => {
  const read = readNextHops({
    'a b': {},
    'mx.example/pri=1': {},
    'MX.example': {},
    '[mx.example]': {},
    'x:0': {},
  });
  expect(read.ok ? [] : read.errors.map(({ key, message }) => `${key}: ${message}`)).toEqual([
    'a b: unexpected space in "a b": separate hosts with a comma',
    'mx.example/pri=1: a next hop has no priority',
    '[mx.example]: the same host is named twice',
    'x:0: port "0" is not between 1 and 65535',
  ]);
  expect(readNextHops({})).toEqual({ ok: true, nextHops: noNextHops });
});

test('the digest tells apart what must not share a connection, and nothing else', () => {
  const digests = [
    policyDigest(defaults, undefined),
    policyDigest({ tls: 'none' }, undefined),
    policyDigest({ tls: 'verify' }, 'a.example'),
    policyDigest({ tls: 'verify' }, 'b.example'),
    policyDigest({ ...defaults, auth: { user: 'u', passwordFile: 'f' } }, undefined),
    policyDigest({ ...defaults, auth: { user: 'u', passwordFile: 'g' } }, undefined),
    policyDigest({ ...defaults, heloName: 'x' }, undefined),
    policyDigest({ ...defaults, sourceAddress: 'x' }, undefined),
  ];
  expect(new Set(digests).size).toBe(digests.length);
  expect(digests.every((digest) => /^[0-9a-f]{8}$/.test(digest))).toBe(true);
  expect(policyDigest(defaults, 'a.example')).toBe(policyDigest(defaults, 'b.example'));
  expect(policyDigest({ ...defaults, connectionsMax: 5 }, undefined)).toBe(digests[0]);
  expect(policyDigest({ tls: 'verify', tlsServerName: 'a.example' }, 'b.example')).toBe(digests[2]);
});
