/**
 * Acceptance 9, routes: every form of key and host takes its mail to the right place, and a bad table stops the start with
 * line and column. Changing a table while mail flows is in 09b, next hops with TLS and login in 09c.
 */
import {
  startDnsServer,
  startSmtpHost,
  waitFor,
  type SmtpHost,
  type TestDnsServer,
} from '@mailwheel/testkit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { becomes } from './message-status.ts';
import { messageIdOf, startTier, type Tier } from './tier.ts';

const open: { tier?: Tier; hosts: SmtpHost[] } = { hosts: [] };
let dns: TestDnsServer;

beforeEach(async () => {
  dns = await startDnsServer({
    'partner.example': { MX: [[10, 'mx.partner.example']] },
    'mx.partner.example': { A: ['127.0.30.1'] },
    // As `[relay.hosts.test]` it is its own address, as `relay.hosts.test` it is its MX hosts.
    'relay.hosts.test': { A: ['127.0.30.2'], MX: [[10, 'mx.hosts.test']] },
    'mx.hosts.test': { A: ['127.0.30.3'] },
    // Without MX record: its own addresses, IPv4 before IPv6.
    'dual.hosts.test': { A: ['127.0.30.4'], AAAA: ['::1'] },
  });
});

afterEach(async () => {
  await open.tier?.stop();
  await Promise.all(open.hosts.map((host) => host.stop()));
  await dns.stop();
  delete open.tier;
  open.hosts = [];
});

async function hostAt(address: string, port = 0): Promise<SmtpHost> {
  const host = await startSmtpHost({}, { address, port });
  open.hosts.push(host);
  return host;
}

const deliveredTo = (host: SmtpHost): string[] =>
  host.delivered.flatMap((one) => one.recipients.map((rcpt) => rcpt.address)).toSorted();

test('every kind of key and host takes its mail to the right place, whatever the order of the lines', async () => {
  const all = await hostAt('127.0.0.1');
  const exact = await hostAt('127.0.0.1');
  const subdomain = await hostAt('127.0.0.1');
  const deeper = await hostAt('127.0.0.1');
  const deepest = await hostAt('127.0.0.1');
  const first = await hostAt('127.0.0.1');
  const later = await hostAt('127.0.0.1');
  const ipv6 = await hostAt('::1');
  const literal = await hostAt('127.0.0.1');
  const partner = await hostAt('127.0.30.1', 25);
  const itself = await hostAt('127.0.30.2');
  const byMx = await hostAt('127.0.30.3');
  const dual4 = await hostAt('127.0.30.4');
  const dual6 = await hostAt('::1', dual4.port);
  const tier = await startTier({
    routes: [
      `ALL                   127.0.0.1:${all.port}   # whatever nothing else matches`,
      `.example.com          127.0.0.1:${subdomain.port}`,
      `Example.COM           127.0.0.1:${exact.port}`,
      `deep.sub.example.com  127.0.0.1:${deepest.port}`,
      `.sub.example.com      127.0.0.1:${deeper.port}`,
      `partner.example       USEDNS`,
      `trash.example         /dev/null`,
      `itself.example        [relay.hosts.test]:${itself.port}`,
      `named.example         relay.hosts.test:${byMx.port}`,
      `dual.example          dual.hosts.test:${dual4.port}`,
      `v6.example            [::1]:${ipv6.port}`,
      `ordered.example       127.0.0.1:${later.port}/pri=10, 127.0.0.1:${first.port}/pri=5`,
      `[127.0.0.9]           127.0.0.1:${literal.port}`,
    ].join('\n'),
    settings: { dns: { servers: [dns.address], allowPrivate: true } },
  });
  open.tier = tier;
  const to = [
    'a@example.com',
    'b@EXAMPLE.com',
    'a@one.example.com',
    'a@two.one.example.com',
    'a@sub.example.com',
    'a@x.sub.example.com',
    'a@deep.sub.example.com',
    'a@y.deep.sub.example.com',
    'a@notexample.com',
    'a@example.com.test',
    'a@partner.example',
    'a@sub.partner.example',
    'a@trash.example',
    'a@itself.example',
    'a@named.example',
    'a@dual.example',
    'a@v6.example',
    'a@ordered.example',
    'a@[127.0.0.9]',
  ];
  const id = messageIdOf(await tier.submit({ from: 'sender@source.test', to }));
  const told = await becomes(tier, id, 'delivered');
  expect(told.recipients.map((one) => one.address)).toEqual(to);
  expect({
    exact: deliveredTo(exact),
    subdomain: deliveredTo(subdomain),
    deeper: deliveredTo(deeper),
    deepest: deliveredTo(deepest),
    all: deliveredTo(all),
    partner: deliveredTo(partner),
    itself: deliveredTo(itself),
    byMx: deliveredTo(byMx),
    dual4: deliveredTo(dual4),
    dual6: deliveredTo(dual6),
    ipv6: deliveredTo(ipv6),
    first: deliveredTo(first),
    later: deliveredTo(later),
    literal: deliveredTo(literal),
  }).toEqual({
    exact: ['a@example.com', 'b@EXAMPLE.com'],
    // `.example.com` is not the domain itself, and `.sub.example.com` is not `sub.example.com`.
    subdomain: ['a@one.example.com', 'a@sub.example.com', 'a@two.one.example.com'],
    deeper: ['a@x.sub.example.com', 'a@y.deep.sub.example.com'],
    deepest: ['a@deep.sub.example.com'],
    all: ['a@example.com.test', 'a@notexample.com', 'a@sub.partner.example'],
    partner: ['a@partner.example'],
    itself: ['a@itself.example'],
    byMx: ['a@named.example'],
    dual4: ['a@dual.example'],
    dual6: [],
    ipv6: ['a@v6.example'],
    first: ['a@ordered.example'],
    later: [],
    literal: ['a@[127.0.0.9]'],
  });

  // The preferred hosts away: the next priority, and the other family of the name, in the same attempt.
  await Promise.all([first.stop(), dual4.stop()]);
  const second = messageIdOf(
    await tier.submit({ from: 'sender@source.test', to: ['b@ordered.example', 'b@dual.example'] }),
  );
  const again = await becomes(tier, second, 'delivered');
  expect(deliveredTo(later)).toEqual(['b@ordered.example']);
  expect(deliveredTo(dual6)).toEqual(['b@dual.example']);
  expect(again.attempts.map((one) => one.attempt)).toEqual([1, 1, 1, 1]);
}, 60_000);

test('/dev/null: answered 250, discarded, and its state tells so', async () => {
  const tier = await startTier({ routes: 'ALL /dev/null' });
  open.tier = tier;
  const replies = await tier.submit({ from: 'sender@source.test', to: 'a@anywhere.example' });
  expect(replies.final?.code).toBe(250);
  const told = await becomes(tier, messageIdOf(replies), 'delivered');
  expect(told.recipients[0]).toMatchObject({ state: 'delivered', host: '/dev/null' });
  expect(told.recipients[0]?.reply).toMatch(/^250 2\.0\.0 discarded by its route/);
  expect(told.attempts).toMatchObject([{ host: '/dev/null', outcome: 'delivered', attempt: 1 }]);
});

test.each([
  ['routesFile', /smtproutes\.txt: line 2, column 26: priority "70000" is not between 0 and 65535/],
  ['routes', /routes: line 2, column 26: priority "70000" is not between 0 and 65535/],
])(
  'a bad line in `%s` stops the start of every process and is told by line and column',
  async (where, sentence) => {
    const bad = 'good.example 127.0.0.1\nexample.com 10.0.0.1/pri=70000\ngood.example USEDNS\n';
    const tier = await startTier({
      ingress: false,
      workers: 0,
      routes: bad,
      routesFile: where === 'routesFile',
    });
    open.tier = tier;
    for (const role of ['ingress', 'worker'] as const) {
      const failure = await tier.startRole(role).then(
        () => new Error(`${role} started`),
        (error: Error) => new Error(error.message),
      );
      expect(failure.message).toMatch(sentence);
      // Every fault of the table at once, not one a start.
      expect(failure.message).toMatch(/line 3, column 1: good\.example has a route already, in line 1/);
    }
  },
  40_000,
);

test('40,000 routes: it starts, finds the right one, and refuses one more', async () => {
  const wanted = await hostAt('127.0.0.1');
  const suffix = await hostAt('127.0.0.1');
  const rest = await hostAt('127.0.0.1');
  const lines = Array.from({ length: 39_997 }, (_, index) => `customer${index}.example 127.0.0.1:1`);
  lines.splice(20_000, 0, `the-one.example 127.0.0.1:${wanted.port}`);
  lines.push(`.customer39996.example 127.0.0.1:${suffix.port}`, `ALL 127.0.0.1:${rest.port}`);
  const table = lines.join('\n');
  const tier = await startTier({
    routes: table,
    routesFile: true,
    settings: { routesReloadSeconds: 0.2 },
  });
  open.tier = tier;
  const to = ['a@the-one.example', 'a@sub.customer39996.example', 'a@customer40001.example'];
  await becomes(tier, messageIdOf(await tier.submit({ from: 'sender@source.test', to })), 'delivered');
  expect([deliveredTo(wanted), deliveredTo(suffix), deliveredTo(rest)]).toEqual(to.map((one) => [one]));

  await tier.writeRoutes(`${table}\none.more.example 127.0.0.1:1`);
  const refused = await waitFor('the worker to refuse it', () =>
    tier.workers()[0]?.lines.find((line) => line['event'] === 'routes-refused'),
  );
  expect(String(refused['problems'])).toMatch(/line 40001, column 1: more than 40000 routes/);
  await becomes(
    tier,
    messageIdOf(await tier.submit({ from: 'sender@source.test', to: 'b@the-one.example' })),
    'delivered',
  );
  expect(deliveredTo(wanted)).toEqual(['a@the-one.example', 'b@the-one.example']);
}, 60_000);
