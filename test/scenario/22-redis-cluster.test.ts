/**
 * Redis Cluster, 3 + 3, twelve shards: the whole tier on it, a message over several shards, and a primary that fails under
 * load. WAIT must go to the server and the connection that took the write.
 */
import { shardOf, type DestinationKey } from '@mailwheel/envelope';
import {
  startRedisCluster,
  startSmtpHost,
  waitFor,
  type SmtpHost,
  type TestRedis,
  type TestRedisCluster,
} from '@mailwheel/testkit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { missing, SteadyLoad } from './steady-load.ts';
import { messageIdOf, startTier, type Tier } from './tier.ts';

const shards = 12;
const commandTimeoutMs = 1500;
const waitTimeoutMs = 500;
/** Two commits for a message over several shards, their WAITs, the withdrawal (700 ms), and a busy machine. */
const replyMsMax = 2 * (commandTimeoutMs + waitTimeoutMs) + 700 + 1500;

let cluster: TestRedisCluster;
let host: SmtpHost;
let tier: Tier;
beforeAll(async () => {
  [cluster, host] = await Promise.all([startRedisCluster(), startSmtpHost()]);
  const [first] = cluster.servers();
  if (first === undefined) throw new Error('a cluster without servers');
  tier = await startTier({
    redis: first,
    workers: 2,
    console: true,
    routes: `ALL 127.0.0.1:${host.port}`,
    settings: {
      redis: {
        url: undefined,
        cluster: { addresses: cluster.nodes.map(({ host: at, port }) => `${at}:${port}`) },
        shards,
        replicasToWaitFor: 1,
        waitTimeoutMs,
        commandTimeoutMs,
      },
      worker: { lockSeconds: 5, lockRenewSeconds: 0.5, stalledSeconds: 0.5 },
      store: { sweepSeconds: 2 },
    },
  });
}, 60_000);
afterAll(async () => {
  await tier?.stop();
  await host?.stop();
  await cluster?.stop();
});
beforeEach(() => host.transactions.splice(0));

const domains = Array.from({ length: 24 }, (_, at) => `d${at}.example`);

function primariesInUse(): Promise<Set<number>> {
  return Promise.all(
    Array.from({ length: shards }, async (_, shard) => (await cluster.primaryOf(`{mw${shard}}`)).port),
  ).then((ports) => new Set(ports));
}

async function calls(server: TestRedis, command: string): Promise<number> {
  const client = server.client();
  const info = await client.info('commandstats');
  client.disconnect();
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(info)?.[1] ?? 0);
}

test('a message to destinations of several shards is one message, and the console shows it', async () => {
  const used = new Set(domains.map((domain) => shardOf(domain as DestinationKey, shards)));
  expect(used.size).toBeGreaterThan(8);
  expect((await primariesInUse()).size).toBe(3);
  const to = domains.map((domain) => `user@${domain}`);
  const id = messageIdOf(
    await tier.submit({ from: 'sender@source.test', to, body: 'Subject: all\r\n\r\nx\r\n' }),
  );
  const given = (): string[] =>
    host.transactions.flatMap((one) => one.recipients.map(({ address }) => address)).toSorted();
  await waitFor('every destination', () => given().length === to.length, 20_000);
  expect(given()).toEqual(to.toSorted());
  await waitFor('the record', async () => {
    const { recipients } = (await tier.message(id)) as { recipients?: { state: string }[] };
    return recipients?.every(({ state }) => state === 'delivered');
  });
  const pages = ['/', '/queues', `/messages/${id}`, '/hosts'];
  const shown = await Promise.all(
    pages.map(async (page) => (await fetch(`http://127.0.0.1:${tier.consolePort}${page}`)).status),
  );
  expect(shown.filter((status) => status >= 500)).toEqual([]);
});

test('WAIT goes to the server that took the message, and to no other', async () => {
  const server = await cluster.primaryOf(`{mw${shardOf('d0.example' as DestinationKey, shards)}}`);
  const others = cluster.servers().filter((one) => one !== server);
  const before = await Promise.all([server, ...others].map((one) => calls(one, 'wait')));
  const count = 8;
  for (let sent = 0; sent < count; sent += 1) {
    messageIdOf(
      await tier.submit({ from: 'a@source.test', to: ['user@d0.example'], body: 'Subject: w\r\n\r\nx\r\n' }),
    );
  }
  const after = await Promise.all([server, ...others].map((one) => calls(one, 'wait')));
  expect(after.map((number, at) => number - (before[at] ?? 0))).toEqual([count, ...others.map(() => 0)]);
});

test.each([
  ['of a shard is killed', `{mw${shardOf('d0.example' as DestinationKey, shards)}}`, 'SIGKILL'],
  ['of the rotation hangs and comes back', '{mw:h}', 'SIGSTOP'],
] as const)(
  'under load the primary %s',
  async (_what, key, signal) => {
    const load = new SteadyLoad({
      port: tier.smtpPort,
      to: (index) => {
        const one = domains.map((domain) => `user@${domain}`);
        return index % 5 === 0 ? one.slice(index % 20, (index % 20) + 4) : [one[index % one.length] ?? ''];
      },
    });
    try {
      await waitFor('mail to flow', () => load.accepted.size > 50, 20_000);
      const old = await cluster.primaryOf(key);
      old.process.kill(signal);
      await waitFor('451 in the gap', () => load.refused.size > 0, 20_000);
      await waitFor('another primary', () => promoted(key, old), 30_000);
      if (signal === 'SIGSTOP') old.process.kill('SIGCONT');
      else await cluster.restart(old);
      const acceptedInGap = load.accepted.size;
      await waitFor('mail to flow again', () => load.accepted.size > acceptedInGap + 50, 30_000);
    } finally {
      await load.stop();
    }
    await waitFor('all of it to be delivered', () => missing(load, host.transactions).length === 0, 30_000);
    expect([...load.refused.keys()]).toEqual(['451 4.3.0']);
    expect(load.broken).toBe(0);
    expect(load.longestReplyMs).toBeLessThan(replyMsMax);
    for (const role of tier.roles) expect(role.child.exitCode).toBeNull();
  },
  90_000,
);

async function promoted(key: string, old: TestRedis): Promise<boolean> {
  try {
    return (await cluster.primaryOf(key)).port !== old.port;
  } catch {
    return false;
  }
}
