import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { waitFor, type HostScript } from '@mailwheel/testkit';
import { createBench, hostOf, wordsOf, type Bench } from '../test/bench.ts';
import { openingBytesMax } from './options.ts';

let bench: Bench;
afterEach(() => bench.stop());

test('a host that nobody is at refuses: no connection number, but the lease is returned', async () => {
  bench = createBench();
  const host = await bench.host();
  await host.stop();
  const report = await bench.deliver(hostOf(host));
  expect(wordsOf(report.happening)).toBe('connect refused');
  expect(report.happening?.cause).toMatchObject({ detail: expect.stringContaining('ECONNREFUSED') });
  expect(report).toMatchObject({ connectionNumber: 0, reused: false, fenced: false, phase: 'connect' });
  expect(bench.opened).toEqual([]);
  await waitFor('the lease to come back', () => bench.closed.length === 1);
  expect(bench.closed).toEqual([0]);
  expect(bench.delivery.held()).toEqual([]);
});

/** A listener that never accepts: once its queue is full, the kernel drops what else knocks. */
const deafListener = `
  const { parentPort } = require('node:worker_threads');
  const server = require('node:net').createServer();
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 10);
  });`;

test('a host that does not take the connection is a time-out', async () => {
  bench = createBench({ timeouts: { connectMs: 80 } });
  const listener = new Worker(deafListener, { eval: true });
  const [port] = (await once(listener, 'message')) as [number];
  await new Promise((resolve) => setTimeout(resolve, 50));
  const queue = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  await new Promise((resolve) => setTimeout(resolve, 50));
  const host = { key: 'x', label: 'x', address: '127.0.0.1', port, policy: { tls: 'none' } } as const;
  const report = await bench.deliver(host);
  expect(wordsOf(report.happening)).toBe('connect timeout');
  expect(report.connectionNumber).toBe(0);
  for (const socket of queue) socket.destroy();
  await listener.terminate();
});

describe('greeting and EHLO', () => {
  test.each<[string, HostScript, string]>([
    ['431 greeting', { greeting: '431 Mail system full' }, 'greeting 431 Mail system full'],
    [
      '554 greeting, several lines',
      { greeting: '554-5.7.1 go\n554 5.7.1 away' },
      'greeting 554 5.7.1 go away',
    ],
    [
      '421 greeting and close',
      { greeting: { reply: '421 4.3.2 busy', end: 'close' } },
      'greeting 421 4.3.2 busy',
    ],
    ['421 greeting, line not ended', { greeting: { raw: '421 busy', end: 'close' } }, 'greeting 421 busy'],
    ['no SMTP greeting', { greeting: 'SSH-2.0-OpenSSH' }, 'greeting out-of-step'],
    ['250 greeting', { greeting: '250 hello' }, 'greeting 250 hello'],
    ['closed before the greeting', { greeting: { end: 'close' } }, 'greeting lost'],
    ['reset before the greeting', { greeting: { delayMs: 20, end: 'reset' } }, 'greeting lost'],
    ['closed at EHLO', { ehlo: { end: 'close' } }, 'ehlo lost'],
    ['reset at EHLO', { ehlo: { end: 'reset' } }, 'ehlo lost'],
    ['421 at EHLO', { ehlo: { reply: '421 4.3.2 bye', end: 'close' } }, 'ehlo 421 4.3.2 bye'],
    ['EHLO and HELO refused', { ehlo: '502 5.5.1 no', helo: '550 5.7.1 not you' }, 'ehlo 550 5.7.1 not you'],
    ['more than was asked', { ehlo: '250-x\n250 y\n250 z' }, 'mail out-of-step'],
  ])('%s', async (_what, script, words) => {
    bench = createBench();
    const host = await bench.host(script, { name: 'scripted.example' });
    const report = await bench.deliver(hostOf(host));
    expect(wordsOf(report.happening)).toBe(words);
    expect(report).toMatchObject({ connectionNumber: 1, localAddress: '127.0.0.1', accepted: [] });
    expect(bench.opened).toEqual([1]);
    await waitFor('the connection to end', () => bench.closed.length === 1);
    expect(bench.delivery.held()).toEqual([]);
  });

  test.each<[string, HostScript, string]>([
    ['greeting', { greeting: { silent: true } }, 'greeting timeout'],
    ['EHLO', { ehlo: { silent: true } }, 'ehlo timeout'],
    ['a greeting that drips', { greeting: { reply: '220 very slow host', dripMs: 20 } }, 'greeting timeout'],
  ])('silence at %s', async (_phase, script, words) => {
    bench = createBench({ timeouts: { greetingMs: 100, commandMs: 100 } });
    const host = await bench.host(script);
    expect(wordsOf((await bench.deliver(hostOf(host))).happening)).toBe(words);
  });

  test('the deadline counts while a connection is opened', async () => {
    bench = createBench({ idleConnectionMs: 100 });
    const host = await bench.host({ greeting: { silent: true } });
    const report = await bench.deliver(hostOf(host), { deadlineMs: performance.now() + 60 });
    expect(report.happening?.cause).toMatchObject({
      trouble: 'timeout',
      detail: 'the time of the attempt is over',
    });
  });

  test('a host that only knows HELO gets the message without extensions', async () => {
    bench = createBench();
    const host = await bench.host({ ehlo: '502 5.5.1 no' });
    expect(await bench.deliver(hostOf(host))).toMatchObject({ accepted: [{ index: 0 }], dsnPassedOn: false });
    expect(host.delivered[0]!.mailParameters).toEqual([]);
    expect(host.connections[0]!.commands.slice(0, 3)).toEqual([
      'EHLO relay.example',
      'HELO relay.example',
      'MAIL FROM:<a@src.example>',
    ]);
  });

  test('a host whose name looks like an extension does not have it', async () => {
    bench = createBench();
    const host = await bench.host({ ehlo: '250-mx-dsn-pipelining.example SMTPUTF8 SIZE 1\n250 HELP' });
    expect(await bench.deliver(hostOf(host))).toMatchObject({ accepted: [{ index: 0 }], dsnPassedOn: false });
    expect(host.connections[0]!.pipelined).toBe(0);
  });

  test('the policy says under which name and from which address we come', async () => {
    bench = createBench();
    const host = await bench.host();
    const policy = { heloName: 'other.example', sourceAddress: '127.0.5.1' };
    const report = await bench.deliver(hostOf(host, policy));
    expect(report.localAddress).toBe('127.0.5.1');
    expect(host.connections[0]).toMatchObject({ heloName: 'other.example', remoteAddress: '127.0.5.1' });
    const wrong = await bench.deliver(hostOf(host, { sourceAddress: '::1' }));
    expect(wordsOf(wrong.happening)).toBe('connect refused');
    expect(wrong.happening?.cause).toMatchObject({
      detail: expect.stringContaining('another address family'),
    });
  });
});

describe('hostile hosts', () => {
  test.each<[string, string, string]>([
    ['ten thousand lines of greeting', '220-welcome\r\n'.repeat(10_000), 'greeting out-of-step'],
    ['a line of a megabyte', `220 ${'x'.repeat(1 << 20)}`, 'greeting out-of-step'],
    ['blank lines for ever', '\r\n'.repeat(openingBytesMax), 'greeting out-of-step'],
  ])('%s', async (_what, raw, words) => {
    bench = createBench();
    const host = await bench.host({ greeting: { raw } });
    const report = await bench.deliver(hostOf(host));
    expect(wordsOf(report.happening)).toBe(words);
    const { cause } = report.happening!;
    expect(cause.kind === 'trouble' && cause.detail.length).toBeLessThan(250);
  });

  test('blank lines without end between replies', async () => {
    bench = createBench();
    const host = await bench.host({ rcpt: { raw: '\r\n'.repeat(40_000) } });
    expect(wordsOf((await bench.deliver(hostOf(host))).happening)).toBe('rcpt out-of-step');
  });

  test('long replies and control characters arrive shortened and escaped', async () => {
    bench = createBench();
    const host = await bench.host({ mail: `550 5.7.1 \u001b[31mred ${'x'.repeat(3000)}` });
    const { cause } = (await bench.deliver(hostOf(host))).happening!;
    if (cause.kind !== 'reply') throw new Error('no reply');
    expect(cause.reply.line).toMatch(/^550 5\.7\.1 \\x1b\[31mred x+\.\.\.$/);
    expect(cause.reply.line.length).toBeLessThan(600);
  });
});
