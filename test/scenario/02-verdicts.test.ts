/**
 * Acceptance 2: one test a row of the verdict table (docs/verdicts.md), each on a real tier: what the first host says, whether
 * the second host gets the message in the same attempt, what happens to the first host's health, and what becomes of the
 * message if the first host is the only one.
 */
import {
  createCertificates,
  freePort,
  startSmtpHost,
  waitFor,
  type HostOptions,
  type HostScript,
  type SmtpHost,
} from '@mailwheel/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { closing, rows, type Row } from './verdict-rows.ts';
import { messageIdOf, reloadRoutes, startTier, type LogLine, type Tier } from './tier.ts';

let tier: Tier;
let hosts: SmtpHost[] = [];
let routesCount = 0;
let addressesCount = 0;

interface Told {
  readonly recipients: readonly {
    readonly address: string;
    readonly state: string;
    readonly reply?: string;
  }[];
  readonly attempts: readonly {
    readonly host: string;
    readonly phase: string;
    readonly outcome: string;
    readonly attempt: number;
  }[];
}

const routesFile: string[] = [];

beforeAll(async () => {
  tier = await startTier({
    routes: 'placeholder.example /dev/null',
    settings: {
      retry: { firstWaitSeconds: 600, longestWaitSeconds: 600 },
      hostHealth: { firstRestSeconds: 600, longestRestSeconds: 600, aloneRestSeconds: 600 },
      delivery: { greetingSeconds: 0.5, connectSeconds: 1 },
      routesReloadSeconds: 0.1,
    },
    routesFile: true,
  });
}, 30_000);

afterEach(async () => {
  await Promise.all(hosts.map((host) => host.stop()));
  hosts = [];
});
afterAll(async () => {
  await tier?.stop();
});

/** Adds a route for a domain of its own and waits until every process has taken the table up. */
async function route(targets: string): Promise<string> {
  routesCount += 1;
  const domain = `row${routesCount}.example`;
  routesFile.push(`${domain} ${targets}`);
  await reloadRoutes(tier, routesFile.join('\n'));
  return domain;
}

/**
 * A host on a loopback address that no other test has: ports come again, and the tier remembers for ten minutes what a host
 * on that port has done to an earlier message.
 */
async function startHost(script: HostScript = {}, options: HostOptions = {}): Promise<SmtpHost> {
  const host = await startSmtpHost(script, { ...options, address: nextAddress() });
  hosts.push(host);
  return host;
}

function nextAddress(): string {
  addressesCount += 1;
  return `127.0.2.${addressesCount}`;
}

const labelOf = (host: SmtpHost): string => `${host.address}:${host.port}`;

async function firstHost(row: Row): Promise<{ label: string; host?: SmtpHost }> {
  if (row.refused === true) return { label: `${nextAddress()}:${await freePort()}` };
  const host = await startHost(row.script, row.options);
  return { label: labelOf(host), host };
}

async function submit(row: Row, domain: string): Promise<string> {
  return messageIdOf(
    await tier.submit({
      from: row.from ?? 'sender@source.test',
      to: `user@${domain}`,
      ...(row.body === undefined ? {} : { body: row.body }),
      ...(row.mailParameters === undefined ? {} : { mailParameters: row.mailParameters }),
    }),
  );
}

const unhealthy = (label: string): LogLine[] =>
  tier.events('host-state').filter((line) => line['host'] === label && line['to'] === 'unhealthy');

describe('each row of the table', () => {
  test.each(rows)('row $row, $name: with a second host', async (row) => {
    const { label } = await firstHost(row);
    const second = await startHost();
    const domain = await route(`${label}, ${labelOf(second)}`);
    const id = await submit(row, domain);
    const told = await waitFor('an attempt', async () => {
      const message = (await tier.message(id)) as unknown as Told;
      const last = message.attempts?.at(-1);
      return last !== undefined && last.outcome !== 'next-host' ? message : undefined;
    });
    expect(second.delivered).toHaveLength(row.next ? 1 : 0);
    expect(new Set(told.attempts.map((one) => one.attempt))).toEqual(new Set([1]));
    if (row.setAside) await waitFor('the host to be set aside', () => unhealthy(label).length === 1);
    else expect(unhealthy(label)).toEqual([]);
  });

  test.each(rows)('row $row, $name: with this host alone it is $alone', async (row) => {
    const { label, host } = await firstHost(row);
    const domain = await route(label);
    const id = await submit(row, domain);
    const wanted = row.alone === 'deferred' ? 'deferred' : row.alone;
    await waitFor(`it to be ${wanted}`, async () => {
      const message = (await tier.message(id)) as unknown as Told;
      return message.recipients?.[0]?.state === wanted;
    });
    expect(host?.delivered.length ?? 0).toBe(row.alone === 'delivered' ? 1 : 0);
  });
});

test('row 3: STARTTLS refused under the opportunistic policy: plain text on the same host, no penalty', async () => {
  const certificates = await createCertificates();
  const host = await startHost({ starttls: '454 4.7.0 TLS not available' }, { tls: certificates.host });
  const domain = await route(labelOf(host));
  await tier.submit({ from: 's@source.test', to: `u@${domain}` });
  await waitFor('delivery in plain text', () => host.delivered.length === 1);
  expect(host.delivered[0]?.tls).toBe(false);
  await tier.submit({ from: 's@source.test', to: `u@${domain}` });
  await waitFor('the second', () => host.delivered.length === 2);
  expect(host.counters.phases.starttls).toBe(1);
  expect(unhealthy(labelOf(host))).toEqual([]);
  await certificates.remove();
});

test('row 5: 421 as answer to the next MAIL on a reused connection: fresh connection, no retry spent', async () => {
  const host = await startHost({
    mail: (context) =>
      context.connection.number === 1 && context.countInConnection === 2
        ? closing('421 4.4.2 Too long')
        : undefined,
  });
  const domain = await route(labelOf(host));
  await tier.submit({ from: 's@source.test', to: `u@${domain}` });
  await waitFor('the first', () => host.delivered.length === 1);
  const id = messageIdOf(await tier.submit({ from: 's@source.test', to: `u@${domain}` }));
  await waitFor('the second', () => host.delivered.length === 2);
  const told = (await tier.message(id)) as unknown as Told;
  expect(told.attempts.at(-1)).toMatchObject({ outcome: 'delivered', attempt: 1 });
  expect(unhealthy(labelOf(host))).toEqual([]);
});

test.each([
  ['452 bare', '452 Too many recipients'],
  ['552 5.5.3', '552 5.5.3 Too many recipients'],
])('row 12: %s after accepted recipients: the rest at once in a new transaction', async (_name, reply) => {
  const host = await startHost({
    rcpt: (context) => (context.recipients.filter((one) => one.accepted).length >= 2 ? reply : undefined),
  });
  const domain = await route(labelOf(host));
  const to = Array.from({ length: 5 }, (_, index) => `u${index}@${domain}`);
  await tier.submit({ from: 's@source.test', to });
  await waitFor(
    'all five',
    () => host.delivered.flatMap((one) => one.recipients.filter((rcpt) => rcpt.accepted)).length === 5,
  );
  expect(host.delivered.map((one) => one.recipients.filter((rcpt) => rcpt.accepted).length)).toEqual([
    2, 2, 1,
  ]);
});

test('row 12: the rest meets 552 alone in its own transaction: deferred, never bounced', async () => {
  let taken = 0;
  const host = await startHost({
    rcpt: ({ address }) => {
      if (address.startsWith('u0')) return undefined;
      taken += 1;
      return '552 5.5.3 Too many recipients';
    },
  });
  const domain = await route(labelOf(host));
  const id = messageIdOf(await tier.submit({ from: 's@source.test', to: [`u0@${domain}`, `u1@${domain}`] }));
  await waitFor('the deferral', async () => {
    const told = (await tier.message(id)) as unknown as Told;
    return told.recipients?.map((one) => one.state).join() === 'delivered,deferred';
  });
  expect(taken).toBe(2);
});
