import { afterEach, describe, expect, test } from 'vitest';
import { createCertificates, waitFor } from '@mailwheel/testkit';
import { createBench, hostOf, requestFor, wordsOf, type Bench } from '../test/bench.ts';

let bench: Bench;
afterEach(() => bench.stop());

const busy = { kind: 'busy' };

describe('reuse', () => {
  test('the connection used last is taken first', async () => {
    bench = createBench();
    const host = await bench.host({ final: { delayMs: 20, reply: '250 ok' } });
    const both = await Promise.all([bench.deliver(hostOf(host)), bench.deliver(hostOf(host))]);
    expect(new Set(both.map(({ connectionNumber }) => connectionNumber))).toEqual(new Set([1, 2]));
    host.behaveWell();
    const first = await bench.deliver(hostOf(host));
    const second = await bench.deliver(hostOf(host));
    expect(second.connectionNumber).toBe(first.connectionNumber);
    expect(host.connections).toHaveLength(2);
  });

  test('hosts with another key do not share connections, nor does a fresh request', async () => {
    bench = createBench();
    const host = await bench.host();
    await bench.deliver(hostOf(host));
    await bench.deliver(hostOf(host, { heloName: 'other.example' }));
    await bench.deliver(hostOf(host), { fresh: true });
    expect(host.connections).toHaveLength(3);
    expect(bench.delivery.held()).toHaveLength(3);
  });

  test('after so many messages the connection ends with QUIT', async () => {
    bench = createBench({ messagesPerConnectionMax: 2 });
    const host = await bench.host();
    for (let message = 0; message < 3; message += 1) await bench.deliver(hostOf(host));
    expect(host.connections).toHaveLength(2);
    await waitFor('the first to end', () => bench.closed.length === 1);
    expect(host.connections[0]!.commands.at(-1)).toBe('QUIT');
    expect(host.connections[0]).toMatchObject({ transactions: 2, reset: false });
  });

  test('an unused connection ends with QUIT after its time', async () => {
    bench = createBench({ idleConnectionMs: 60 });
    const host = await bench.host();
    await bench.deliver(hostOf(host));
    expect([...bench.delivery.warm()]).toEqual([hostOf(host).key]);
    await waitFor('the idle connection to end', () => bench.closed.length === 1);
    expect(host.connections[0]!.commands.at(-1)).toBe('QUIT');
    expect(bench.delivery.warm().size).toBe(0);
    expect(bench.delivery.held()).toEqual([]);
  });

  test('a host that does not answer QUIT is left all the same', async () => {
    bench = createBench({ idleConnectionMs: 60 });
    const host = await bench.host({ quit: { end: 'reset' } });
    await bench.deliver(hostOf(host));
    await waitFor('the idle connection to end', () => bench.closed.length === 1);
  });
});

describe('an idle connection', () => {
  test.each([
    ['that gets 421', (line: { say(text: string): void }) => line.say('421 4.4.2 idle too long')],
    ['that is closed', (line: { close(): void }) => line.close()],
    ['that is reset', (line: { reset(): void }) => line.reset()],
    ['that says anything', (line: { say(text: string): void }) => line.say('250 by the way')],
  ])('%s is dropped quietly', async (_what, act) => {
    bench = createBench();
    const host = await bench.host();
    await bench.deliver(hostOf(host));
    act(host.live[0]!);
    await waitFor('it to be noticed', () => bench.closed.length === 1);
    expect(bench.delivery.warm().size).toBe(0);
    expect(await bench.deliver(hostOf(host))).toMatchObject({ reused: false, connectionNumber: 2 });
  });

  test('that says more than its final reply is not one', async () => {
    bench = createBench();
    const host = await bench.host({ final: { raw: '250 ok\r\n250 and more\r\n' } });
    expect((await bench.deliver(hostOf(host))).accepted).toHaveLength(1);
    expect(bench.delivery.warm().size).toBe(0);
  });

  test.each([
    ['421 as answer to MAIL', { reply: '421 4.4.2 too late', end: 'close' }, 'mail 421 4.4.2 too late'],
    ['EOF as answer to MAIL', { end: 'close' }, 'mail lost'],
    ['RST as answer to MAIL', { end: 'reset' }, 'mail lost'],
  ] as const)('whose end crosses the next transaction: %s (row 5)', async (_what, mail, words) => {
    bench = createBench();
    const host = await bench.host();
    await bench.deliver(hostOf(host));
    host.behave({ mail });
    const report = await bench.deliver(hostOf(host));
    expect(wordsOf(report.happening)).toBe(words);
    expect(report).toMatchObject({ reused: true, happening: { reused: true, firstCommand: true } });
    host.behaveWell();
    const again = await bench.deliver(hostOf(host), { fresh: true });
    expect(again).toMatchObject({ reused: false, accepted: [{ index: 0 }] });
  });

  test('a later command is not the first one', async () => {
    bench = createBench();
    const host = await bench.host();
    await bench.deliver(hostOf(host));
    host.behave({ rcpt: { reply: '421 4.4.2 too late', end: 'close' } });
    expect((await bench.deliver(hostOf(host))).happening).toMatchObject({
      reused: true,
      firstCommand: false,
    });
  });

  test('whose RSET is refused counts as found dead', async () => {
    bench = createBench();
    const host = await bench.host({ rcpt: '550 5.1.1 no', rset: '421 4.4.2 bye' });
    await bench.deliver(hostOf(host));
    const report = await bench.deliver(hostOf(host));
    expect(wordsOf(report.happening)).toBe('mail lost');
    expect(report.happening).toMatchObject({ reused: true, firstCommand: true });
  });

  test('over TLS is dropped and reused in the same way', async () => {
    const certificates = await createCertificates();
    bench = createBench();
    const host = await bench.host({}, { tls: certificates.host });
    await bench.deliver(hostOf(host));
    expect(await bench.deliver(hostOf(host))).toMatchObject({ reused: true, tls: { protocol: 'TLSv1.3' } });
    host.live[0]!.close();
    await waitFor('it to be noticed', () => bench.closed.length === 1);
    expect(await bench.deliver(hostOf(host))).toMatchObject({ reused: false, accepted: [{ index: 0 }] });
    await certificates.remove();
  });
});

describe('leases', () => {
  test('a host at its limit is busy, an idle connection needs no leave', async () => {
    let free = 1;
    bench = createBench({
      events: {
        mayOpen: async () => (free -= 1) >= 0,
        opened: () => undefined,
        closed: () => undefined,
      },
    });
    const host = await bench.host({ final: { delayMs: 20, reply: '250 ok' } });
    const running = bench.deliver(hostOf(host));
    expect(await bench.delivery.transact(requestFor(hostOf(host)))).toEqual(busy);
    await running;
    expect(await bench.deliver(hostOf(host))).toMatchObject({ reused: true });
    expect(host.connections).toHaveLength(1);
  });

  test('are held from the question until the connection is closed, under one id', async () => {
    const told: string[] = [];
    bench = createBench({
      events: {
        mayOpen: async (_host, connectionId) => {
          told.push(`may ${connectionId}`);
          return true;
        },
        opened: ({ connectionNumber, localAddress }) =>
          told.push(`opened ${connectionNumber} ${localAddress}`),
        closed: ({ connectionId, connectionNumber }) =>
          told.push(`closed ${connectionNumber} ${connectionId}`),
      },
    });
    const host = await bench.host();
    await bench.deliver(hostOf(host));
    const [{ connectionId, host: heldHost }] = bench.delivery.held() as [
      { connectionId: string; host: unknown },
    ];
    expect(heldHost).toEqual(hostOf(host));
    host.live[0]!.close();
    await waitFor('the end', () => told.length === 3);
    expect(told).toEqual([`may ${connectionId}`, 'opened 1 127.0.0.1', `closed 1 ${connectionId}`]);
    expect(bench.delivery.held()).toEqual([]);
  });

  test('an opening without a connection number rejects and returns its lease', async () => {
    bench = createBench({ nextConnectionNumber: () => Promise.reject(new Error('redis is away')) });
    const host = await bench.host();
    await expect(bench.deliver(hostOf(host))).rejects.toThrow('redis is away');
    await waitFor('the lease to come back', () => bench.closed.length === 1);
    expect(bench.delivery.held()).toEqual([]);
  });

  test('a connection that is gone before it has its number was never opened', async () => {
    bench = createBench({
      nextConnectionNumber: () => new Promise((resolve) => setTimeout(resolve, 80, 7)),
    });
    const host = await bench.host({ connect: { delayMs: 20, end: 'reset' } });
    const report = await bench.deliver(hostOf(host));
    expect(wordsOf(report.happening)).toBe('connect lost');
    expect(report.connectionNumber).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(bench.opened).toEqual([]);
    expect(bench.closed).toEqual([0]);
  });

  test('a transaction without recipients is our own mistake', async () => {
    bench = createBench();
    const host = await bench.host();
    await expect(bench.deliver(hostOf(host), { recipients: [] })).rejects.toThrow('needs a recipient');
  });
});

describe('waiting for a connection', () => {
  test('ends when one becomes idle, one waiter at a time', async () => {
    bench = createBench();
    const host = await bench.host({ final: { delayMs: 40, reply: '250 ok' } });
    const { key } = hostOf(host);
    const running = bench.deliver(hostOf(host));
    const woken: string[] = [];
    const first = bench.delivery.awaitIdle(['elsewhere', key], 5000).then(() => woken.push('first'));
    const second = bench.delivery.awaitIdle([key], 5000).then(() => woken.push('second'));
    await running;
    await first;
    expect(woken).toEqual(['first']);
    await bench.deliver(hostOf(host));
    await second;
    expect(woken).toEqual(['first', 'second']);
  });

  test('does not begin when one is idle already, and ends by itself', async () => {
    bench = createBench();
    const host = await bench.host();
    await bench.deliver(hostOf(host));
    const startedAtMs = performance.now();
    await bench.delivery.awaitIdle([hostOf(host).key], 5000);
    expect(performance.now() - startedAtMs).toBeLessThan(1000);
    await bench.delivery.awaitIdle(['elsewhere'], 20);
  });

  test('ends when a connection closes', async () => {
    bench = createBench();
    const host = await bench.host({ final: { delayMs: 20, end: 'reset' } });
    const waiting = bench.delivery.awaitIdle([hostOf(host).key], 5000);
    const startedAtMs = performance.now();
    await bench.deliver(hostOf(host));
    await waiting;
    expect(performance.now() - startedAtMs).toBeLessThan(1000);
  });
});

describe('closing', () => {
  test('idle connections end with QUIT, a running transaction is finished first', async () => {
    bench = createBench();
    const idle = await bench.host();
    await bench.deliver(hostOf(idle));
    const slow = await bench.host({ final: { delayMs: 60, reply: '250 ok' } });
    const running = bench.deliver(hostOf(slow));
    await waitFor('the body to arrive', () => slow.transactions.length === 1);
    const order: string[] = [];
    const closed = bench.delivery.close().then(() => order.push('closed'));
    const again = bench.delivery.close();
    expect(await bench.delivery.transact(requestFor(hostOf(idle)))).toEqual(busy);
    await running.then((report) => order.push(`${report.accepted.length} delivered`));
    await Promise.all([closed, again]);
    expect(order).toEqual(['1 delivered', 'closed']);
    expect(idle.connections[0]!.commands.at(-1)).toBe('QUIT');
    expect(slow.connections[0]!.commands.at(-1)).toBe('QUIT');
    expect(bench.delivery.held()).toEqual([]);
  });

  test('with nothing open it is done at once', async () => {
    bench = createBench();
    await bench.delivery.close();
    await bench.delivery.close();
  });
});
