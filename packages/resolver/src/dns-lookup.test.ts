import { startDnsServer, type TestDnsServer } from '@mailwheel/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDnsLookup } from './dns-lookup.ts';
import type { DnsLookup } from './types.ts';

let server: TestDnsServer;
let lookup: DnsLookup;

beforeAll(async () => {
  server = await startDnsServer({
    'example.com': {
      A: ['192.0.2.2', '192.0.2.1'],
      AAAA: ['2001:db8::1'],
      MX: [
        [10, 'MX.Example.Com'],
        [0, '.'],
      ],
      ttlSeconds: 7,
    },
    'alias.example': { CNAME: 'example.com' },
    'loop.example': { CNAME: 'loop.example' },
    'dangling.example': { CNAME: 'gone.example' },
    'servfail.example': 'SERVFAIL',
    'refused.example': 'REFUSED',
    'silent.example': 'DROP',
    'nothing.example': {},
    'many.example': {
      MX: Array.from({ length: 90 }, (_, n) => [n, `mx${n}.a-rather-long-name.many.example`] as const),
    },
  });
  lookup = openDnsLookup({ servers: [server.address], timeoutMs: 600, attempts: 2 });
});
afterAll(() => server.stop());

describe('records', () => {
  test('MX in lower case with the null MX as an empty exchange and an assumed TTL', async () => {
    expect(await lookup.mx('example.com')).toEqual({
      kind: 'records',
      records: [
        { preference: 10, exchange: 'mx.example.com' },
        { preference: 0, exchange: '' },
      ],
      ttlSeconds: 60,
    });
  });

  test('addresses of one family with their TTL', async () => {
    const answer = await lookup.addresses('example.com', 4);
    expect(answer).toMatchObject({ kind: 'records', ttlSeconds: 7 });
    expect(answer.kind === 'records' && answer.records.toSorted()).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(await lookup.addresses('example.com', 6)).toMatchObject({ records: ['2001:db8::1'] });
  });

  test('CNAMEs are followed', async () => {
    expect(await lookup.mx('alias.example')).toMatchObject({ kind: 'records' });
    expect(await lookup.addresses('alias.example', 6)).toMatchObject({ records: ['2001:db8::1'] });
  });

  test('an answer too long for a datagram comes by TCP', async () => {
    const answer = await lookup.mx('many.example');
    expect(answer.kind === 'records' && answer.records).toHaveLength(90);
    expect(server.queries.filter(({ transport }) => transport === 'tcp')).toEqual([
      { name: 'many.example', type: 'MX', transport: 'tcp' },
    ]);
  });
});

describe('no records', () => {
  test.each([
    ['nothing.example', { kind: 'no-data' }],
    ['gone.example', { kind: 'no-name' }],
    ['dangling.example', { kind: 'no-name' }],
    [`${'x'.repeat(64)}.example`, { kind: 'no-name' }],
    [`${'x.'.repeat(125)}example`, { kind: 'no-name' }],
    ['servfail.example', { kind: 'failed', code: 'ESERVFAIL' }],
    ['loop.example', { kind: 'failed', code: 'ESERVFAIL' }],
    ['refused.example', { kind: 'failed', code: 'EREFUSED' }],
    ['silent.example', { kind: 'failed', code: 'ETIMEOUT' }],
  ])('%s', async (name, answer) => {
    expect(await lookup.mx(name)).toEqual(answer);
    expect(await lookup.addresses(name, 4)).toEqual(answer);
  });

  test('a server that is gone, and questions that are ended', async () => {
    const gone = await startDnsServer();
    await gone.stop();
    const deaf = openDnsLookup({ servers: [gone.address], timeoutMs: 100, attempts: 1 });
    expect(await deaf.mx('example.com')).toMatchObject({ kind: 'failed' });
    const patient = openDnsLookup({ servers: [server.address], timeoutMs: 60_000, attempts: 1 });
    const asked = patient.mx('silent.example');
    patient.close();
    expect(await asked).toEqual({ kind: 'failed', code: 'ECANCELLED' });
  });

  test('a server that is no address is an error at once', () => {
    expect(() => openDnsLookup({ servers: ['dns.example'] })).toThrow(/Invalid IP address/);
  });
});
