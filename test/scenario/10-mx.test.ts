/**
 * Acceptance 10: mail without a route goes by the MX rules of docs/routes.md, one test a rule, through a real DNS server that is
 * scripted. Addresses that are refused are in 10b. MX hosts listen on port 25, so each scripted host has a loopback address of its own.
 */
import {
  startDnsServer,
  startSmtpHost,
  waitFor,
  type DnsZone,
  type SmtpHost,
  type TestDnsServer,
} from '@mailwheel/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { submitMany } from './bulk.ts';
import { becomes, dsnAbout, type MessageStatus } from './message-status.ts';
import { messageIdOf, startTier, type Tier } from './tier.ts';

/** Hosts by the last number of their address: `127.0.40.<n>:25`; 5 and 6 are those that one test makes ill. */
const hosts = new Map<number, SmtpHost>();
const senders = 200;
let dns: TestDnsServer;
let tier: Tier;

const at = (number: number): string => `127.0.40.${number}`;

beforeAll(async () => {
  for (const number of [1, 2, 3, 4, 5, 6, senders]) {
    hosts.set(number, await startSmtpHost({}, { address: at(number), port: 25 }));
  }
  dns = await startDnsServer({ 'source.test': { A: [at(senders)] } });
  tier = await startTier({
    routes: `[127.0.40.90] ${at(4)}`,
    settings: {
      hostname: 'relay.test',
      ownNames: ['other-name.relay.test'],
      ownAddresses: [at(99)],
      // Nothing is kept, so that a rule's zone counts at once; `attempts` 1: a silent server costs one time-out.
      dns: { servers: [dns.address], allowPrivate: true, timeoutMs: 300, attempts: 1, cacheSecondsMax: 0 },
      retry: { firstWaitSeconds: 1, longestWaitSeconds: 1 },
      hostHealth: { firstRestSeconds: 1, longestRestSeconds: 1, aloneRestSeconds: 1 },
    },
  });
}, 40_000);

beforeEach(async () => {
  for (const host of hosts.values()) {
    host.behaveWell();
    host.forget();
  }
});

afterAll(async () => {
  await tier?.stop();
  await Promise.all([...hosts.values()].map((host) => host.stop()));
  await dns?.stop();
});

function host(number: number): SmtpHost {
  const found = hosts.get(number);
  if (found === undefined) throw new Error(`no host ${number}`);
  return found;
}

function tell(zone: DnsZone): void {
  Object.assign(dns.zone, zone);
}

async function send(to: string): Promise<string> {
  const replies = await tier.submit({ from: 'sender@source.test', to });
  expect(replies.final?.code, `the reply to ${to}`).toBe(250);
  return messageIdOf(replies);
}

const hostsAsked = (told: MessageStatus): string[] => told.attempts.map((one) => one.host);
const delivered = (number: number): number => host(number).delivered.length;

describe('which hosts', () => {
  test('no MX record, but an address: the domain itself (implicit MX)', async () => {
    tell({ 'implicit.test': { A: [at(1)] } });
    expect(hostsAsked(await becomes(tier, await send('u@implicit.test'), 'delivered'))).toEqual([
      `${at(1)}:25`,
    ]);
    expect(delivered(1)).toBe(1);
  });

  test('the lowest preference first; the next one only while it is away, within the same attempt', async () => {
    tell({
      'pref.test': {
        A: [at(4)],
        MX: [
          [20, 'mx2.pref.test'],
          [10, 'mx1.pref.test'],
        ],
      },
      'mx1.pref.test': { A: [at(5)] },
      'mx2.pref.test': { A: [at(2)] },
    });
    for (let count = 0; count < 3; count += 1) await becomes(tier, await send('u@pref.test'), 'delivered');
    expect([delivered(5), delivered(2), delivered(4)]).toEqual([3, 0, 0]);
    host(5).behave({ mail: '452 4.3.1 Insufficient system resources' });
    const told = await becomes(tier, await send('u@pref.test'), 'delivered');
    expect(hostsAsked(told)).toEqual([`${at(5)}:25`, `${at(2)}:25`]);
    expect(told.attempts.every((one) => one.attempt === 1)).toBe(true);
    expect([delivered(5), delivered(2), delivered(4)]).toEqual([3, 1, 0]);
  });

  test('equal preferences, and the addresses of one name, take turns', async () => {
    tell({
      'turns.test': {
        MX: [
          [10, 'mx1.turns.test'],
          [10, 'mx2.turns.test'],
        ],
      },
      'mx1.turns.test': { A: [at(1), at(2)] },
      'mx2.turns.test': { A: [at(3)] },
    });
    const replies = await submitMany({ port: tier.smtpPort, count: 30, to: () => 'u@turns.test' });
    await waitFor('all of them', () => delivered(1) + delivered(2) + delivered(3) === replies.length);
    expect([delivered(1), delivered(2), delivered(3)]).toEqual([10, 10, 10]);
  });

  test('CNAMEs are followed, of the domain and of its MX host', async () => {
    tell({
      'alias.test': { CNAME: 'real.test' },
      'real.test': { MX: [[10, 'mx-alias.test']] },
      'mx-alias.test': { CNAME: 'mx-real.test' },
      'mx-real.test': { A: [at(2)] },
    });
    await becomes(tier, await send('u@alias.test'), 'delivered');
    expect(delivered(2)).toBe(1);
    expect(host(2).delivered[0]?.recipients[0]?.address).toBe('u@alias.test');
  });

  test('targets that do not exist are left out, the others are used', async () => {
    tell({
      'somegone.test': {
        MX: [
          [5, 'nowhere.test'],
          [10, 'mx.somegone.test'],
          [5, 'noaddress.test'],
        ],
      },
      'noaddress.test': {},
      'mx.somegone.test': { A: [at(3)] },
    });
    expect(hostsAsked(await becomes(tier, await send('u@somegone.test'), 'delivered'))).toEqual([
      `${at(3)}:25`,
    ]);
  });

  test('a target that nobody can look up now is left out while another is usable', async () => {
    tell({
      'someservfail.test': {
        MX: [
          [5, 'broken.test'],
          [10, 'mx.someservfail.test'],
        ],
      },
      'broken.test': 'SERVFAIL',
      'mx.someservfail.test': { A: [at(3)] },
    });
    await becomes(tier, await send('u@someservfail.test'), 'delivered');
    expect(delivered(3)).toBe(1);
  });

  test('a null MX among other records is ignored', async () => {
    tell({
      'mixednull.test': {
        MX: [
          [0, '.'],
          [10, 'mx.mixednull.test'],
        ],
      },
      'mx.mixednull.test': { A: [at(1)] },
    });
    await becomes(tier, await send('u@mixednull.test'), 'delivered');
    expect(delivered(1)).toBe(1);
  });
});

describe('bounced', () => {
  test.each([
    ['the domain does not exist', 'nxdomain.test', {}, '5.1.2'],
    ['a null MX', 'nullmx.test', { 'nullmx.test': { A: [at(1)], MX: [[0, '.']] } }, '5.1.10'],
    [
      'no MX host exists: never the address of the domain itself',
      'allgone.test',
      {
        'allgone.test': {
          A: [at(1)],
          MX: [
            [10, 'gone1.test'],
            [20, 'gone2.test'],
          ],
        },
      },
      '5.4.4',
    ],
    [
      'an MX record names an address instead of a host',
      'mxaddress.test',
      { 'mxaddress.test': { A: [at(1)], MX: [[10, at(1)]] } },
      '5.4.4',
    ],
    ['the domain exists but has neither MX nor address', 'empty.test', { 'empty.test': {} }, '5.4.4'],
    [
      'the only MX host is us, by hostname',
      'loop1.test',
      { 'loop1.test': { MX: [[10, 'relay.test']] } },
      '5.4.6',
    ],
    [
      'the only MX host is us, by another name',
      'loop2.test',
      { 'loop2.test': { MX: [[10, 'other-name.relay.test']] }, 'other-name.relay.test': { A: [at(1)] } },
      '5.4.6',
    ],
    [
      'the only MX host is us, by address',
      'loop3.test',
      { 'loop3.test': { MX: [[10, 'mx.loop3.test']] }, 'mx.loop3.test': { A: [at(99)] } },
      '5.4.6',
    ],
    [
      'we are the nearest MX host: those of equal and higher preference are no way on',
      'loop4.test',
      {
        'loop4.test': {
          MX: [
            [10, 'relay.test'],
            [10, 'mx1.loop4.test'],
            [20, 'mx2.loop4.test'],
          ],
        },
        'mx1.loop4.test': { A: [at(1)] },
        'mx2.loop4.test': { A: [at(2)] },
      },
      '5.4.6',
    ],
  ] as readonly [string, string, DnsZone, string][])('%s', async (_what, domain, zone, status) => {
    tell(zone);
    const address = `user@${domain}`;
    const told = await becomes(tier, await send(address), 'bounced');
    expect(told.recipients[0]).toMatchObject({ host: 'dns' });
    expect(told.recipients[0]?.reply).toMatch(new RegExp(`^550 ${status.replaceAll('.', '\\.')} `));
    expect(told.attempts).toMatchObject([{ host: 'dns', phase: 'dns', outcome: 'bounced', attempt: 1 }]);
    const dsn = await dsnAbout(address, host(senders));
    expect(dsn.status).toBe(status);
    expect(dsn.diagnostic).toContain(domain);
    expect([1, 2, 3, 4].map((number) => host(number).connections.length)).toEqual([0, 0, 0, 0]);
  });

  test('hosts nearer than us are asked, those behind us are not, even while the nearer ones are away', async () => {
    tell({
      'behind.test': {
        MX: [
          [10, 'mx1.behind.test'],
          [20, 'relay.test'],
          [20, 'mx2.behind.test'],
          [30, 'mx3.behind.test'],
        ],
      },
      'mx1.behind.test': { A: [at(6)] },
      'mx2.behind.test': { A: [at(2)] },
      'mx3.behind.test': { A: [at(3)] },
    });
    host(6).behave({ mail: '452 4.3.1 Insufficient system resources' });
    const id = await send('u@behind.test');
    expect(new Set(hostsAsked(await becomes(tier, id, 'deferred')))).toEqual(new Set([`${at(6)}:25`]));
    host(6).behaveWell();
    await becomes(tier, id, 'delivered');
    expect([2, 3].map((number) => host(number).connections.length)).toEqual([0, 0]);
  });
});

describe('deferred 4.4.3, delivered when DNS answers again', () => {
  test.each([
    ['the MX question fails', 'SERVFAIL', undefined],
    ['the MX question is refused', 'REFUSED', undefined],
    ['nobody answers the MX question', 'DROP', undefined],
    ['the address of every MX host fails', undefined, 'SERVFAIL'],
    ['nobody answers the address question', undefined, 'DROP'],
  ] as const)('%s', async (what, mx, address) => {
    const domain = `${what.replaceAll(' ', '-').toLowerCase()}.test`;
    const mxHost = `mx.${domain}`;
    tell({
      [domain]: {
        A: [at(4)],
        MX: mx ?? [
          [10, mxHost],
          [20, 'nowhere.test'],
        ],
      },
      [mxHost]: address ?? { A: [at(1)] },
    });
    const id = await send(`u@${domain}`);
    const told = await becomes(tier, id, 'deferred');
    expect(told.attempts[0]).toMatchObject({ host: 'dns', phase: 'dns', outcome: 'deferred' });
    expect(told.attempts[0]?.reply).toMatch(/^450 4\.4\.3 .*could not be looked up/);
    const line = await waitFor('the log line', () =>
      tier.events('delayed').find((one) => one['message'] === id),
    );
    expect(line).toMatchObject({ enhancedCode: '4.4.3' });
    tell({ [domain]: { A: [at(4)], MX: [[10, mxHost]] }, [mxHost]: { A: [at(1)] } });
    await becomes(tier, id, 'delivered');
    // It waited; the A record of the domain was no way out, and nobody was told about a failure.
    expect([delivered(1), delivered(4), delivered(senders)]).toEqual([1, 0, 0]);
  });
});

describe('address literals', () => {
  test('one with a route goes by it; with dns.allowPrivate any goes to the address itself', async () => {
    await becomes(tier, await send('u@[127.0.40.90]'), 'delivered');
    expect(delivered(4)).toBe(1);
    await becomes(tier, await send('u@[127.0.40.2]'), 'delivered');
    expect(delivered(2)).toBe(1);
    expect(dns.queries.filter((query) => query.name.includes('127.0.40'))).toEqual([]);
  });
});
