/**
 * Redis behind Sentinel: the primary fails under load. With `redis.replicasToWaitFor: 1` every 250 is on the replica that
 * takes over, the ingress answers 451 in the gap within a bounded time, and everybody finds the new primary by himself.
 */
import {
  startSentinel,
  startSmtpHost,
  waitFor,
  type SmtpHost,
  type TestRedis,
  type TestSentinel,
} from '@mailwheel/testkit';
import { afterEach, expect, test } from 'vitest';
import { missing, SteadyLoad } from './steady-load.ts';
import { startTier, type Tier } from './tier.ts';

const open: { sentinel?: TestSentinel; host?: SmtpHost; tier?: Tier; load?: SteadyLoad } = {};

afterEach(async () => {
  await open.load?.stop();
  await open.tier?.stop();
  await open.host?.stop();
  await open.sentinel?.stop();
  delete open.load;
});

const commandTimeoutMs = 1500;
const waitTimeoutMs = 500;
/** A reply at the final dot: the commit's time-out, the WAIT, the withdrawal (700 ms), and a busy machine. */
const replyMsMax = commandTimeoutMs + waitTimeoutMs + 700 + 1500;

async function start(): Promise<{ sentinel: TestSentinel; host: SmtpHost; tier: Tier; load: SteadyLoad }> {
  const sentinel = await startSentinel();
  open.sentinel = sentinel;
  const host = await startSmtpHost();
  open.host = host;
  const { sentinels: addresses, name } = sentinel;
  const tier = await startTier({
    redis: await sentinel.primary(),
    routes: `ALL 127.0.0.1:${host.port}`,
    settings: {
      redis: {
        url: undefined,
        sentinel: { name, addresses: addresses.map(({ host: at, port }) => `${at}:${port}`) },
        replicasToWaitFor: 1,
        waitTimeoutMs,
        commandTimeoutMs,
      },
      worker: { lockSeconds: 5, lockRenewSeconds: 0.5, stalledSeconds: 0.5 },
    },
  });
  open.tier = tier;
  const load = new SteadyLoad({ port: tier.smtpPort, to: (index) => [`user@d${index % 6}.example`] });
  open.load = load;
  return { sentinel, host, tier, load };
}

test.each([
  ['is killed', 'SIGKILL'],
  ['hangs and comes back as if nothing had been', 'SIGSTOP'],
] as const)(
  'the primary %s',
  async (_what, signal) => {
    const { sentinel, host, tier, load } = await start();
    await waitFor('mail to flow', () => load.accepted.size > 50, 20_000);
    const old = await sentinel.primary();
    old.process.kill(signal);
    const promoted = await waitFor(
      'another primary',
      async () => {
        const now = await sentinel.primary();
        return now.port !== old.port && now;
      },
      20_000,
    );
    expect(promoted.port).not.toBe(old.port);
    // No replica any more: what cannot be kept twice is not accepted.
    await waitFor('451 in the gap', () => (load.refused.get('451 4.3.0') ?? 0) > 0, 10_000);
    const acceptedInGap = load.accepted.size;
    await comeBack(sentinel, old, signal);
    await waitFor('mail to flow again', () => load.accepted.size > acceptedInGap + 50, 30_000);
    await load.stop();

    await waitFor('all of it to be delivered', () => missing(load, host.transactions).length === 0, 30_000);
    expect([...load.refused.keys()]).toEqual(['451 4.3.0']);
    expect(load.broken).toBe(0);
    expect(load.longestReplyMs).toBeLessThan(replyMsMax);
    for (const role of tier.roles) expect(role.child.exitCode).toBeNull();
  },
  90_000,
);

async function comeBack(sentinel: TestSentinel, old: TestRedis, signal: NodeJS.Signals): Promise<void> {
  if (signal === 'SIGSTOP') old.process.kill('SIGCONT');
  else await sentinel.restart(old);
}
