import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { SmtpHost } from '@mailwheel/testkit';
import { createBench, hostOf, wordsOf, type Bench } from '../test/bench.ts';
import { stuffed, terminator } from './body-sender.ts';
import { bodyBlockBytes } from './options.ts';

let bench: Bench;
afterEach(() => bench?.stop());

/** What a receiver that keeps to RFC 5321 section 4.5.2 makes of the wire: the slow and plain way. */
function received(wire: Buffer): Buffer {
  const lines = wire.toString('latin1').split('\r\n');
  expect(lines.pop()).toBe('');
  expect(lines.pop()).toBe('.');
  expect(lines).not.toContain('.');
  const text = lines.map((line) => `${line.startsWith('.') ? line.slice(1) : line}\r\n`).join('');
  return Buffer.from(text, 'latin1');
}

function asDelivered(body: Buffer): Buffer {
  const ended = body.length === 0 || body.subarray(-2).toString('latin1') === '\r\n';
  return ended ? body : Buffer.concat([body, Buffer.from('\r\n')]);
}

/** Bytes with a liking for what matters on the wire. */
const bodies = fc
  .array(
    fc.oneof(
      fc.constantFrom('.', '\r\n', '\r\n.', '\r\n..', '\r', '\n', '.\r\n', 'a', 'ü', '\0', 'From '),
      fc.string({ unit: 'binary', maxLength: 12 }),
    ),
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));

test('every body reaches a receiver that keeps to the standard byte for byte', () => {
  fc.assert(
    fc.property(bodies, (body) => {
      const wire = Buffer.concat([stuffed(body), terminator(body)]);
      expect(received(wire).equals(asDelivered(body))).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('a body without leading dots is not copied', () => {
  const body = Buffer.from('a.b\r\nc\r\n');
  expect(stuffed(body)).toBe(body);
});

describe('over a connection', () => {
  async function relays(host: SmtpHost, body: Buffer): Promise<void> {
    const report = await bench.deliver(hostOf(host), { body });
    expect(report.accepted).toHaveLength(1);
    const transaction = host.delivered.at(-1)!;
    const wanted = asDelivered(body);
    expect(transaction.bodyBytes).toBe(wanted.length);
    expect(transaction.digest).toBe(createHash('sha256').update(wanted).digest('hex'));
  }

  test('random bodies', async () => {
    bench = createBench();
    const host = await bench.host();
    await fc.assert(
      fc.asyncProperty(bodies, (body) => relays(host, body)),
      { numRuns: 200 },
    );
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a dot', Buffer.from('.')],
    ['no last line end', Buffer.from('Subject: x\r\n\r\nlast')],
    ['a line of 100,000 bytes', Buffer.from(`${'x'.repeat(100_000)}\r\n`)],
    ['every byte', Buffer.from(Array.from({ length: 256 }, (_none, byte) => byte))],
    ['dots only, over several blocks', Buffer.from('.\r\n'.repeat(bodyBlockBytes))],
    ['a block exactly', Buffer.alloc(bodyBlockBytes, 'a')],
    ['a block and a byte', Buffer.alloc(bodyBlockBytes + 1, 'a')],
    ['a line end across two blocks', Buffer.from(`${'a'.repeat(bodyBlockBytes - 1)}\r\n.b\r\n`)],
  ])('%s', async (_what, body) => {
    bench = createBench();
    await relays(await bench.host(), body);
  });

  test('ten megabytes', async () => {
    bench = createBench();
    const body = Buffer.from('0123456789abcde.\r\n.x\r\n'.repeat(450_000));
    await relays(await bench.host(), body);
  });

  test('a small body and its terminator are there in one piece', async () => {
    bench = createBench();
    const host = await bench.host({ body: { end: 'close' } });
    await bench.deliver(hostOf(host), { body: Buffer.alloc(40_000, 'a\r\n') });
    // `body` is only met when the terminator is still missing after a chunk; loopback segments have 64 KiB.
    expect(host.counters.phases).toMatchObject({ body: 0, final: 1 });
  });
});

describe('how far a large body got', () => {
  const body = Buffer.alloc(20_000_000, 'Twenty million bytes\r\n');

  test('lost before the terminator was handed over: nothing was accepted', async () => {
    bench = createBench();
    const host = await bench.host({
      body: ({ bodyBytes }) => (bodyBytes > 500_000 ? { end: 'reset' } : undefined),
    });
    const report = await bench.deliver(hostOf(host), { body });
    expect(wordsOf(report.happening)).toBe('body lost');
    expect(report.happening).toMatchObject({
      terminatorSent: false,
      rcptAccepted: true,
      firstCommand: false,
    });
  });

  test('reset right after the dot: the outcome is unknown', async () => {
    bench = createBench();
    const host = await bench.host({ final: { end: 'reset' } });
    const report = await bench.deliver(hostOf(host), { body });
    expect(wordsOf(report.happening)).toBe('final lost');
    expect(report.happening).toMatchObject({ terminatorSent: true });
    expect(host.transactions).toHaveLength(1);
  });

  test('a small body is handed over together with its terminator, so a reset in it looks the same', async () => {
    bench = createBench();
    const host = await bench.host({ data: { reply: '354 go', end: 'reset' } });
    const report = await bench.deliver(hostOf(host), {
      // The reset comes while the fence is asked: certainly before a byte was sent.
      fence: () => new Promise((resolve) => setTimeout(resolve, 50, true)),
    });
    expect(report.happening).toMatchObject({ terminatorSent: false, phase: 'body' });
    host.behave({ data: undefined, final: { end: 'reset' } });
    expect((await bench.deliver(hostOf(host))).happening).toMatchObject({
      terminatorSent: true,
      phase: 'final',
    });
  });

  test('a host that does not take the next block is a time-out', async () => {
    bench = createBench({ timeouts: { bodyBlockMs: 100 } });
    const host = await bench.host({ body: { silent: true } });
    const report = await bench.deliver(hostOf(host), { body });
    expect(wordsOf(report.happening)).toBe('body timeout');
    expect(report.happening).toMatchObject({ terminatorSent: false });
    expect(report.happening?.cause).toMatchObject({ detail: 'the host does not take the message' });
  });

  test('a host that takes it slowly, but takes it, has all the time it needs', async () => {
    bench = createBench({ timeouts: { bodyBlockMs: 150 } });
    const host = await bench.host({ body: ({ count }) => (count % 40 === 1 ? { delayMs: 30 } : undefined) });
    const startedAtMs = performance.now();
    const report = await bench.deliver(hostOf(host), { body });
    expect(report.accepted).toHaveLength(1);
    expect(performance.now() - startedAtMs).toBeGreaterThan(150);
  });

  test('the deadline ends it', async () => {
    bench = createBench({ idleConnectionMs: 100 });
    const host = await bench.host({ body: { silent: true } });
    const report = await bench.deliver(hostOf(host), { body, deadlineMs: performance.now() + 100 });
    expect(wordsOf(report.happening)).toBe('body timeout');
  });

  test('an answer before the end is the answer', async () => {
    bench = createBench();
    const host = await bench.host({
      body: ({ bodyBytes }) => (bodyBytes > 100_000 ? '552 5.3.4 too big' : undefined),
    });
    const report = await bench.deliver(hostOf(host), { body });
    expect(wordsOf(report.happening)).toBe('body 552 5.3.4 too big');
    expect(report.happening).toMatchObject({ terminatorSent: false });
    expect(bench.delivery.warm().size).toBe(0);
  });
});
