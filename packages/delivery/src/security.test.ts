import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createCertificates, type Action, type Certificate, type Certificates } from '@mailwheel/testkit';
import { createBench, hostOf, wordsOf, type Bench } from '../test/bench.ts';

let certificates: Certificates;
let wrongName: Certificate;
let expired: Certificate;
let selfSigned: Certificate;
let bench: Bench;
beforeAll(async () => {
  certificates = await createCertificates();
  wrongName = await certificates.issue(['other.example']);
  expired = await certificates.issue(['scripted.example'], { expired: true });
  selfSigned = await certificates.selfSigned(['scripted.example']);
});
afterAll(() => certificates.remove());
afterEach(() => bench.stop());

function trusting(): Bench {
  return createBench({ tls: { caFile: certificates.caFile } });
}

describe('TLS levels with STARTTLS', () => {
  test('opportunistic: used when offered, whatever the certificate', async () => {
    bench = createBench();
    const host = await bench.host({}, { tls: selfSigned });
    const report = await bench.deliver(hostOf(host));
    expect(report.tls).toMatchObject({ protocol: 'TLSv1.3', verified: false });
    expect(report.tls?.cipher).toMatch(/^TLS_/);
    expect(host.delivered).toMatchObject([{ tls: true }]);
    expect(host.connections[0]!.commands.slice(0, 3)).toEqual([
      'EHLO relay.example',
      'STARTTLS',
      'EHLO relay.example',
    ]);
  });

  test('bodies small and large keep their bytes through TLS', async () => {
    bench = createBench();
    const host = await bench.host({}, { tls: selfSigned });
    for (const lines of [1, 10_000]) {
      const body = Buffer.from('.a line with a dot\r\n'.repeat(lines));
      expect((await bench.deliver(hostOf(host), { body })).accepted).toHaveLength(1);
      expect(host.delivered.at(-1)!.body.equals(body)).toBe(true);
    }
  });

  test('opportunistic: not offered is plain text', async () => {
    bench = createBench();
    const host = await bench.host();
    const report = await bench.deliver(hostOf(host));
    expect(report.tls).toBeUndefined();
    expect(report.accepted).toHaveLength(1);
  });

  test.each<[string, Action]>([
    ['refused', '454 4.7.0 not now'],
    ['closed', { end: 'close' }],
    ['no handshake', { reply: '220 go', end: 'close' }],
    ['a handshake that is none', { raw: '220 go\r\nand plain words after it\r\n' }],
    ['silent', { silent: true }],
  ])(
    'opportunistic: STARTTLS that fails (%s) is reported, plain text then works',
    async (_what, starttls) => {
      bench = createBench({ timeouts: { commandMs: 100 } });
      const host = await bench.host({ starttls }, { tls: selfSigned });
      const report = await bench.deliver(hostOf(host));
      expect(wordsOf(report.happening)).toBe('tls starttls-failed');
      const plain = await bench.deliver(hostOf(host), { plainText: true, fresh: true });
      expect(plain.accepted).toHaveLength(1);
      expect(plain.tls).toBeUndefined();
    },
  );

  test('opportunistic: 421 at STARTTLS is the end of the session, not of TLS', async () => {
    bench = createBench();
    const host = await bench.host(
      { starttls: { reply: '421 4.3.2 bye', end: 'close' } },
      { tls: selfSigned },
    );
    expect(wordsOf((await bench.deliver(hostOf(host))).happening)).toBe('tls 421 4.3.2 bye');
  });

  test('none: not used although offered', async () => {
    bench = createBench();
    const host = await bench.host({}, { tls: certificates.host });
    expect((await bench.deliver(hostOf(host, { tls: 'none' }))).tls).toBeUndefined();
    expect(host.counters.phases.starttls).toBe(0);
  });

  test('require: missing, refused, and good with a bad certificate; plainText changes nothing', async () => {
    bench = createBench();
    const without = await bench.host();
    const missing = await bench.deliver(hostOf(without, { tls: 'require' }), { plainText: true });
    expect(wordsOf(missing.happening)).toBe('tls starttls-missing');
    const host = await bench.host({ starttls: '454 4.7.0 not now' }, { tls: selfSigned });
    const refused = await bench.deliver(hostOf(host, { tls: 'require' }));
    expect(wordsOf(refused.happening)).toBe('tls 454 4.7.0 not now');
    host.behaveWell();
    const good = await bench.deliver(hostOf(host, { tls: 'require' }), { plainText: true });
    expect(good.tls).toMatchObject({ verified: false });
  });

  test('require: a host that only knows HELO', async () => {
    bench = createBench();
    const host = await bench.host({ ehlo: '502 5.5.1 no' });
    const report = await bench.deliver(hostOf(host, { tls: 'require' }));
    expect(wordsOf(report.happening)).toBe('ehlo 502 5.5.1 no');
    expect(host.transactions).toEqual([]);
  });

  const name = 'scripted.example';
  test.each<[string, () => Certificate, { host?: string; policy?: string }, string]>([
    ['good, by host name', () => certificates.host, { host: name }, 'nothing'],
    ['good, by address', () => certificates.host, {}, 'nothing'],
    ['good, by the policy name', () => wrongName, { host: name, policy: 'other.example' }, 'nothing'],
    ['wrong name', () => wrongName, { host: name }, 'tls tls'],
    ['expired', () => expired, { host: name }, 'tls tls'],
    ['signed by itself', () => selfSigned, { host: name }, 'tls tls'],
  ])('verify: %s', async (_what, certificate, names, words) => {
    bench = trusting();
    const host = await bench.host({}, { tls: certificate() });
    const policy = names.policy === undefined ? {} : { tlsServerName: names.policy };
    const report = await bench.deliver(hostOf(host, { tls: 'verify', ...policy }, names.host));
    expect(wordsOf(report.happening)).toBe(words);
    if (words === 'nothing') expect(report.tls).toMatchObject({ verified: true });
    else expect(host.transactions).toEqual([]);
  });

  test('verify: the authority must be known', async () => {
    bench = createBench();
    const host = await bench.host({}, { tls: certificates.host });
    const report = await bench.deliver(hostOf(host, { tls: 'verify' }, 'scripted.example'));
    expect(wordsOf(report.happening)).toBe('tls tls');
    expect(report.happening?.cause).toMatchObject({ detail: expect.stringContaining('certificate') });
  });

  test('what was said in plain text before the handshake does not count after it', async () => {
    bench = createBench();
    const host = await bench.host(
      { ehlo: ({ connection }) => (connection.tls ? '250-x\n250 8BITMIME' : '250-x\n250-DSN\n250 STARTTLS') },
      { tls: selfSigned },
    );
    expect(await bench.deliver(hostOf(host))).toMatchObject({ dsnPassedOn: false, accepted: [{ index: 0 }] });
    host.behave({
      ehlo: ({ connection }) => (connection.tls ? '502 5.5.1 no' : '250-x\n250-DSN\n250 STARTTLS'),
      helo: '250-x\n250 DSN',
    });
    const byHelo = await bench.deliver(hostOf(host), { fresh: true });
    expect(byHelo).toMatchObject({ dsnPassedOn: false, accepted: [{ index: 0 }], tls: { verified: false } });
  });
});

describe('TLS from the first byte', () => {
  test('verified, with the name in the hello', async () => {
    bench = trusting();
    const host = await bench.host({}, { tls: certificates.host, implicitTls: true });
    const report = await bench.deliver(hostOf(host, { tls: 'implicit' }, 'scripted.example'));
    expect(report.tls).toMatchObject({ verified: true });
    expect(host.connections[0]).toMatchObject({ tls: true, serverName: 'scripted.example' });
    const second = await bench.deliver(hostOf(host, { tls: 'implicit' }, 'scripted.example'));
    expect(second).toMatchObject({ reused: true, accepted: [{ index: 0 }] });
  });

  test('a bad certificate, plain text, silence, a close', async () => {
    bench = createBench({
      tls: { caFile: certificates.caFile },
      timeouts: { commandMs: 100, greetingMs: 100 },
    });
    const wrong = await bench.host({}, { tls: wrongName, implicitTls: true });
    const at = (host: typeof wrong) => bench.deliver(hostOf(host, { tls: 'implicit' }, 'scripted.example'));
    expect(wordsOf((await at(wrong)).happening)).toBe('tls tls');
    const plain = await bench.host();
    expect(wordsOf((await at(plain)).happening)).toBe('tls tls');
    const silent = await bench.host({ greeting: { silent: true } });
    expect(wordsOf((await at(silent)).happening)).toBe('tls timeout');
    const closing = await bench.host({ greeting: { end: 'close' } });
    expect(wordsOf((await at(closing)).happening)).toBe('tls lost');
    const mute = await bench.host(
      { greeting: { silent: true } },
      { tls: certificates.host, implicitTls: true },
    );
    expect(wordsOf((await at(mute)).happening)).toBe('greeting timeout');
  });
});

describe('AUTH', () => {
  const users = { relay: 'secret' };
  const auth = { user: 'relay', passwordFile: '/run/secrets/relay' };

  test.each(['AUTH PLAIN LOGIN', 'AUTH LOGIN', 'AUTH=PLAIN'])('with %s', async (offer) => {
    const asked: string[] = [];
    bench = createBench({
      readSecret: async (file) => {
        asked.push(file);
        return 'secret';
      },
    });
    const script = { ehlo: `250-x\n250-STARTTLS\n250 ${offer}` };
    const host = await bench.host(script, { tls: selfSigned, users, requireAuth: true });
    const report = await bench.deliver(hostOf(host, { tls: 'require', auth }));
    expect(report.accepted).toHaveLength(1);
    expect(host.delivered).toMatchObject([{ user: 'relay', tls: true }]);
    expect(asked).toEqual(['/run/secrets/relay']);
  });

  test('a wrong password, a 421, a loss, a host that asks for ever', async () => {
    bench = createBench({ timeouts: { commandMs: 100 } });
    const host = await bench.host({}, { users: { relay: 'other' } });
    const deliver = () => bench.deliver(hostOf(host, { tls: 'none', auth }), { fresh: true });
    expect(wordsOf((await deliver()).happening)).toBe('auth 535 5.7.8 Authentication failed');
    host.behave({ auth: { reply: '421 4.3.2 bye', end: 'close' } });
    expect(wordsOf((await deliver()).happening)).toBe('auth 421 4.3.2 bye');
    host.behave({ auth: { end: 'reset' } });
    expect(wordsOf((await deliver()).happening)).toBe('auth lost');
    host.behave({ auth: '334 ', unknown: '334 ' });
    expect(wordsOf((await deliver()).happening)).toBe('auth timeout');
    host.behave({ auth: { silent: true } });
    expect(wordsOf((await deliver()).happening)).toBe('auth timeout');
  });

  test('not offered, no password to be had', async () => {
    bench = createBench({
      readSecret: async () => {
        throw new Error('ENOENT: no such file');
      },
    });
    const without = await bench.host();
    const missing = await bench.deliver(hostOf(without, { tls: 'none', auth }));
    expect(wordsOf(missing.happening)).toBe('auth auth-unavailable');
    const host = await bench.host({}, { users });
    const unreadable = await bench.deliver(hostOf(host, { tls: 'none', auth }));
    expect(unreadable.happening?.cause).toMatchObject({
      trouble: 'auth-unavailable',
      detail: expect.stringContaining('no such file'),
    });
  });

  test('the password never leaves in plain text unless the policy says `none`', async () => {
    bench = createBench();
    const host = await bench.host({}, { users });
    const report = await bench.deliver(hostOf(host, { tls: 'opportunistic', auth }));
    expect(report.happening?.cause).toMatchObject({
      trouble: 'auth-unavailable',
      detail: expect.stringContaining('not encrypted'),
    });
    expect(host.counters.phases.auth).toBe(0);
    expect((await bench.deliver(hostOf(host, { tls: 'none', auth }))).accepted).toHaveLength(1);
  });
});

test('a file with authorities that cannot be read, or holds none, stops the start', async () => {
  bench = createBench();
  expect(() => createBench({ tls: { caFile: '/nowhere/ca.pem' } })).toThrow('ENOENT');
  expect(() => createBench({ tls: { caFile: certificates.host.keyFile } })).toThrow('PEM');
});
