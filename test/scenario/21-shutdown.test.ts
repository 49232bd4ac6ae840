/** Issue 3, shutdown: SIGTERM to an ingress and to a worker at each phase of what they are doing, and a second signal. */
import {
  rawSmtp,
  startSmtpHost,
  waitFor,
  type HostPhase,
  type RawSmtp,
  type SmtpHost,
} from '@mailwheel/testkit';
import { request, type ClientRequest } from 'node:http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { submitMany } from './bulk.ts';
import { startTier, type RoleProcess, type Tier, type TierOptions } from './tier.ts';

// Processes start slowly where others work too.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let tier: Tier | undefined;
let hosts: SmtpHost[] = [];

afterEach(async () => {
  await tier?.stop();
  await Promise.all(hosts.map((host) => host.stop()));
  [tier, hosts] = [undefined, []];
});

async function start(host: SmtpHost, options: TierOptions = {}): Promise<Tier> {
  hosts.push(host);
  tier = await startTier({ routes: `example.com 127.0.0.1:${host.port}`, ...options });
  return tier;
}

function the(role: RoleProcess['role']): RoleProcess {
  const found = tier?.roles.find((one) => one.role === role);
  if (found === undefined) throw new Error(`there is no ${role}`);
  return found;
}

/** Sends the signal; the exit code, and how long it took. */
async function end(role: RoleProcess): Promise<{ readonly code: number | null; readonly tookMs: number }> {
  const startedMs = performance.now();
  const code = await role.kill('SIGTERM');
  return { code, tookMs: performance.now() - startedMs };
}

async function greeted(port: number): Promise<RawSmtp> {
  const session = await rawSmtp(port);
  await session.expect(220);
  await session.command('EHLO client.test', 250);
  return session;
}

async function enveloped(port: number): Promise<RawSmtp> {
  const session = await greeted(port);
  await session.command('MAIL FROM:<sender@source.test>', 250);
  await session.command('RCPT TO:<user@example.com>', 250);
  return session;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('SIGTERM to an ingress', () => {
  test('an idle session is told 421, nobody is let in any more, and it ends with 0', async () => {
    const { smtpPort } = await start(await startSmtpHost());
    const idle = await greeted(smtpPort);
    const ended = end(the('ingress'));
    await idle.expect(/^421 4\.3\.2 shutting down/);
    await idle.closed();
    await expect(rawSmtp(smtpPort)).rejects.toThrow(/ECONNREFUSED/);
    expect(await ended).toMatchObject({ code: 0 });
  });

  test.each(['after its recipients', 'in the middle of its message'])(
    'a transaction that stands %s is accepted, then told 421, and delivered',
    async (where) => {
      const host = await startSmtpHost();
      const { smtpPort } = await start(host);
      const session = await enveloped(smtpPort);
      const inMessage = where === 'in the middle of its message';
      if (inMessage) {
        await session.command('DATA', 354);
        session.write('Subject: half\r\n\r\nfirst ');
      }
      const ended = end(the('ingress'));
      await waitFor('the drain', () => the('ingress').lines.some((line) => line['event'] === 'draining'));
      if (!inMessage) {
        await session.command('DATA', 354);
        session.write('Subject: half\r\n\r\nfirst ');
      }
      session.write('and last\r\n.\r\n');
      await session.expect(/^250 2\.0\.0 Ok: queued/);
      await session.expect(/^421 4\.3\.2/);
      await session.closed();
      expect(await ended).toMatchObject({ code: 0 });
      await waitFor('the delivery', () => host.delivered.length === 1);
    },
  );

  test('a session that never ends is told 421 when drainSeconds are over, and nothing of it is stored', async () => {
    const host = await startSmtpHost();
    const { smtpPort } = await start(host, { settings: { ingress: { drainSeconds: 1 } } });
    const session = await enveloped(smtpPort);
    await session.command('DATA', 354);
    session.write('Subject: half\r\n\r\nthe rest never comes');
    const ended = end(the('ingress'));
    await session.expect(/^421 4\.3\.2/);
    await session.closed();
    const { code, tookMs } = await ended;
    expect(code).toBe(0);
    expect(tookMs).toBeGreaterThan(900);
    expect(tookMs).toBeLessThan(6_000);
    await pause(300);
    expect(host.transactions).toEqual([]);
    expect(await tier?.redis.client().keys('*!body*')).toEqual([]);
  });

  test('a second signal does not wait for it', async () => {
    const { smtpPort } = await start(await startSmtpHost(), { settings: { ingress: { drainSeconds: 60 } } });
    const session = await enveloped(smtpPort);
    const ingress = the('ingress');
    const ended = end(ingress);
    await pause(1_200);
    expect(ingress.child.exitCode).toBeNull();
    ingress.child.kill('SIGTERM');
    await session.expect(/^421 4\.3\.2/);
    const { code, tookMs } = await ended;
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(6_000);
  });

  test('a request that is on its way is answered 202 and delivered', async () => {
    const host = await startSmtpHost();
    const { httpPort } = await start(host);
    const message = Buffer.from('Subject: over HTTP\r\n\r\nin two parts\r\n');
    const { post, answer } = halfPosted(httpPort, message);
    await pause(200);
    const ended = end(the('ingress'));
    await waitFor('the drain', () => the('ingress').lines.some((line) => line['event'] === 'draining'));
    post.end(message.subarray(10));
    expect(await answer).toBe(202);
    expect(await ended).toMatchObject({ code: 0 });
    await waitFor('the delivery', () => host.delivered.length === 1);
  });
});

function halfPosted(
  port: number,
  message: Buffer,
): { readonly post: ClientRequest; readonly answer: Promise<number | undefined> } {
  const post = request({
    port,
    method: 'POST',
    path: '/v1/messages?from=sender@source.test&to=user@example.com',
    headers: { 'content-type': 'message/rfc822', 'content-length': message.length },
  });
  post.write(message.subarray(0, 10));
  const answer = new Promise<number | undefined>((resolve, reject) => {
    post.once('error', reject);
    post.once('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
  });
  return { post, answer };
}

describe('SIGTERM to a worker', () => {
  const slow = { delayMs: 1_200 } as const;
  const replies: Partial<Record<HostPhase, string>> = {
    greeting: '220 slow ESMTP',
    mail: '250 2.1.0 Ok',
    rcpt: '250 2.1.5 Ok',
    data: '354 go ahead',
    final: '250 2.0.0 Ok: queued',
  };

  test.each(['greeting', 'mail', 'rcpt', 'data', 'final'] as const)(
    'a delivery that waits for the host at %s ends, is recorded, and comes once',
    async (phase) => {
      const host = await startSmtpHost({ [phase]: { ...slow, reply: replies[phase] ?? '' } });
      const { redis, ...running } = await start(host);
      await running.submit({ from: 'sender@source.test', to: 'user@example.com' });
      await waitFor(`the ${phase}`, () => host.counters.phases[phase] === 1);
      expect(await end(the('worker'))).toMatchObject({ code: 0 });
      expect(host.delivered).toHaveLength(1);
      expect(await redis.client().keys('*:lock')).toEqual([]);
      host.behaveWell();
      await tier?.startRole('worker');
      await pause(1_500);
      expect(host.transactions).toHaveLength(1);
    },
  );

  test('what was not started is free at once for others, and everything comes once', async () => {
    const host = await startSmtpHost({ final: { delayMs: 300, reply: '250 2.0.0 Ok' } });
    const { smtpPort, redis } = await start(host, {
      settings: { worker: { streamsPerDestination: 2, lockSeconds: 60 } },
    });
    await submitMany({ port: smtpPort, count: 40, to: (index) => `user${index}@example.com` });
    await waitFor('some deliveries', () => host.delivered.length >= 4);
    expect(await end(the('worker'))).toMatchObject({ code: 0 });
    expect(host.delivered.length).toBeLessThan(40);
    expect(await redis.client().keys('*:lock')).toEqual([]);
    expect(await redis.client().llen('{mw0}:example.com:active')).toBe(0);
    host.behaveWell();
    await tier?.startRole('worker');
    await waitFor('the rest', () => host.delivered.length === 40, 15_000);
    expect(new Set(host.delivered.map((one) => one.recipients[0]?.address)).size).toBe(40);
  });

  test('a host that stalls does not hold it up for longer than drainSeconds; the message is taken up again', async () => {
    const host = await startSmtpHost({ final: { silent: true } });
    const running = await start(host, {
      settings: { worker: { drainSeconds: 1, lockSeconds: 4, lockRenewSeconds: 0.5, stalledSeconds: 1 } },
    });
    await running.submit({ from: 'sender@source.test', to: 'user@example.com' });
    await waitFor('the end of the message', () => host.counters.phases.final === 1);
    const { code, tookMs } = await end(the('worker'));
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(6_000);
    host.behaveWell();
    await tier?.startRole('worker');
    await waitFor('the delivery', () => host.delivered.length === 1, 15_000);
  });

  test('a second signal does not wait for that host', async () => {
    const host = await startSmtpHost({ final: { silent: true } });
    const running = await start(host, { settings: { worker: { drainSeconds: 60 } } });
    await running.submit({ from: 'sender@source.test', to: 'user@example.com' });
    await waitFor('the end of the message', () => host.counters.phases.final === 1);
    const worker = the('worker');
    const ended = end(worker);
    await pause(1_200);
    expect(worker.child.exitCode).toBeNull();
    worker.child.kill('SIGTERM');
    const { code, tookMs } = await ended;
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(8_000);
  });

  test('while Redis is away it ends with 0 when drainSeconds are over', async () => {
    const host = await startSmtpHost({ final: { delayMs: 500, reply: '250 2.0.0 Ok' } });
    const { redis, ...running } = await start(host, { settings: { worker: { drainSeconds: 2 } } });
    await running.submit({ from: 'sender@source.test', to: 'user@example.com' });
    await waitFor('the end of the message', () => host.counters.phases.final === 1);
    redis.process.kill('SIGKILL');
    const { code, tookMs } = await end(the('worker'));
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(10_000);
  });
});
