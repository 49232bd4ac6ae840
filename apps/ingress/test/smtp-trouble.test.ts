/** The worst of days at the SMTP door: a store that is away or full, clients that vanish, too much at once, a stop. */
import { rawSmtp, smtpSubmit, startRedis, waitFor, type RawSmtp } from '@mailwheel/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { converse, queuedId, startIngress, type TestIngress, type TestIngressOptions } from './fixture.ts';

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

async function start(options: TestIngressOptions = {}): Promise<TestIngress> {
  const redis = options.redis ?? (await startRedis());
  if (options.redis === undefined) stops.push(() => redis.stop());
  const ingress = await startIngress({ ...options, redis });
  stops.push(() => ingress.stop());
  return ingress;
}

async function dataPhase(ingress: TestIngress): Promise<RawSmtp> {
  const client = await ingress.greeted();
  await converse(client, 'C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<b@dest.example>\nS: 250\nC: DATA\nS: 354');
  return client;
}

describe('the store', () => {
  test('is away: 451 4.3.0 within a second, at MAIL and after the dot; back again, mail is taken', async () => {
    const ingress = await start();
    const { redis } = ingress;
    const waiting = await dataPhase(ingress);
    const idle = await ingress.greeted();
    redis.process.kill('SIGKILL');
    const startedMs = performance.now();
    waiting.write('Subject: x\r\n\r\n.\r\n');
    await waiting.expect(/^451 4\.3\.0/);
    await idle.command('MAIL FROM:<>', /^451 4\.3\.0/);
    expect(performance.now() - startedMs).toBeLessThan(1500);
    const again = await startRedis({ port: redis.port, folder: redis.folder });
    stops.push(() => again.stop());
    await waitFor('the store to be open again', async () => {
      const reply = await idle.command('MAIL FROM:<>');
      return reply.code === 250;
    });
    await converse(
      idle,
      'C: RCPT TO:<b@dest.example>\nS: 250\nC: DATA\nS: 354\nC: Subject: x\nC: .\nS: 250 2.0.0',
    );
  });

  test('hangs: 451, and the client is not called idle meanwhile', async () => {
    const ingress = await start({ idleSeconds: 0.2 });
    // The first message fetches a block of numbers; the next one hangs where it counts, in its commit.
    await smtpSubmit({ port: ingress.smtpPort, from: '', to: 'b@dest.example' });
    const client = await dataPhase(ingress);
    ingress.redis.process.kill('SIGSTOP');
    try {
      client.write('Subject: x\r\n\r\n.\r\n');
      await client.expect(/^451 4\.3\.0/);
      expect(ingress.events.some(({ kind }) => kind === 'accept-unknown')).toBe(true);
    } finally {
      ingress.redis.process.kill('SIGCONT');
    }
  });

  test('is above its high-water mark: 452 4.3.1 at MAIL', async () => {
    const ingress = await start();
    const client = await ingress.greeted();
    await ingress.redis.client().config('SET', 'maxmemory', '1mb');
    await waitFor('the mark to be noticed', () => ingress.store.acceptor.admission().kind === 'full');
    await client.command('MAIL FROM:<>', /^452 4\.3\.1/);
  });

  test('refuses to write: 452 4.3.1 after the dot, and nothing is stored', async () => {
    const ingress = await start({ settings: { store: { highWaterPercent: 95 } } });
    const client = await dataPhase(ingress);
    await ingress.redis.client().config('SET', 'maxmemory', '1');
    client.write('Subject: x\r\n\r\n.\r\n');
    await client.expect(/^452 4\.3\.1/);
    expect(await ingress.stored()).toEqual([]);
  });
});

describe('clients', () => {
  test('that reset in mid-data leave nothing behind, and the others are served', async () => {
    const ingress = await start();
    for (let count = 0; count < 20; count++) {
      const client = await dataPhase(ingress);
      client.write('x'.repeat(1000 * count));
      client.reset();
    }
    await waitFor('the memory to be given back', () => ingress.doors.bodiesInFlightBytes() === 0);
    const { final } = await smtpSubmit({ port: ingress.smtpPort, from: '', to: 'b@dest.example' });
    expect(final?.code).toBe(250);
    expect(await ingress.stored()).toHaveLength(1);
  });

  test('together above the budget for bodies are slowed down, not refused, and memory stays within it', async () => {
    const messageBytes = 600_000;
    const ingress = await start({
      bodiesInFlightBytes: 1_100_000,
      smtp: { messageBytesMax: 1_000_000 },
      http: { bodyBytesMax: 1_000_000 },
    });
    let highest = 0;
    const sampling = setInterval(() => {
      highest = Math.max(highest, ingress.doors.bodiesInFlightBytes());
    }, 1);
    const body = `Subject: x\r\n\r\n${'0123456789abcd\r\n'.repeat(messageBytes / 16)}`;
    const finals = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const { final } = await smtpSubmit({ port: ingress.smtpPort, from: '', to: 'b@dest.example', body });
        return final?.code;
      }),
    );
    clearInterval(sampling);
    expect(finals).toEqual(Array.from({ length: 12 }, () => 250));
    expect(highest).toBeGreaterThan(600_000);
    expect(highest).toBeLessThanOrEqual(1_100_000 + 1_010_000);
    expect(ingress.doors.bodiesInFlightBytes()).toBe(0);
  });
});

describe('a stop', () => {
  test('says 421 to the idle at once, lets a transaction end, and then nobody is left', async () => {
    const ingress = await start();
    const idle = await ingress.greeted();
    const busy = await dataPhase(ingress);
    const drained = ingress.doors.drain(5000, new AbortController().signal);
    await idle.expect(/^421 4\.3\.2/);
    await idle.closed();
    await expect(rawSmtp(ingress.smtpPort)).rejects.toThrow(/ECONNREFUSED/);
    busy.write('Subject: x\r\n\r\n.\r\n');
    await ingress.message(queuedId((await busy.expect(250)).line));
    await busy.expect(/^421 4\.3\.2/);
    await busy.closed();
    await drained;
  });

  test('does not wait longer than its limit, and a second signal ends it at once', async () => {
    const ingress = await start();
    const slow = await dataPhase(ingress);
    const hasten = new AbortController();
    const drained = ingress.doors.drain(60_000, hasten.signal);
    hasten.abort();
    await slow.expect(/^421 4\.3\.2/);
    await drained;
  });
});
