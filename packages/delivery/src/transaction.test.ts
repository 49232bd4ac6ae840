import { afterEach, describe, expect, test } from 'vitest';
import { createBench, hostOf, recipients, wordsOf, type Bench } from '../test/bench.ts';
import type { HostScript } from '@mailwheel/testkit';
import { bodyBlockBytes } from './options.ts';

let bench: Bench;
afterEach(() => bench.stop());

const withoutPipelining = { extensions: ['8BITMIME'] };

describe.each([
  ['pipelined', {}],
  ['one command at a time', withoutPipelining],
])('%s', (_name, options) => {
  test('a message for two recipients is delivered, and the next one over the same connection', async () => {
    bench = createBench();
    const host = await bench.host({}, options);
    const to = recipients('b@dest.example', 'c@dest.example');
    const report = await bench.deliver(hostOf(host), { recipients: to });
    expect(report).toMatchObject({
      connectionNumber: 1,
      reused: false,
      accepted: [{ index: 0 }, { index: 1, reply: { code: 250, enhancedCode: '2.0.0' } }],
      refused: [],
      fenced: false,
      phase: 'final',
      localAddress: '127.0.0.1',
    });
    expect(report.happening).toBeUndefined();
    const second = await bench.deliver(hostOf(host));
    expect(second).toMatchObject({ connectionNumber: 1, reused: true, accepted: [{ index: 0 }] });
    expect(host.delivered).toHaveLength(2);
    expect(host.connections[0]!.commands).not.toContain('RSET');
    expect(host.connections[0]!.heloName).toBe('relay.example');
    expect(bench.opened).toEqual([1]);
  });

  test.each<[string, HostScript, string]>([
    ['a refusal at MAIL', { mail: '452 4.3.1 Mail system full' }, 'mail 452 4.3.1 Mail system full'],
    ['a refusal of several lines', { mail: '550-5.7.1 no\n550 5.7.1 never' }, 'mail 550 5.7.1 no never'],
    ['a refusal at DATA', { data: '451 4.3.0 later' }, 'data 451 4.3.0 later'],
    ['a refusal after the dot', { final: '554 5.6.0 bad content' }, 'final 554 5.6.0 bad content'],
  ])('%s leaves a usable connection', async (_what, script, words) => {
    bench = createBench();
    const host = await bench.host(script, options);
    const report = await bench.deliver(hostOf(host));
    expect(wordsOf(report.happening)).toBe(words);
    expect(report).toMatchObject({ accepted: [], refused: [], reused: false });
    expect(report.phase).toBe(report.happening?.phase);
    host.behaveWell();
    const second = await bench.deliver(hostOf(host));
    expect(second).toMatchObject({ reused: true, accepted: [{ index: 0 }] });
    expect(host.connections).toHaveLength(1);
  });

  test('recipients refused one by one are reported one by one, the others delivered', async () => {
    bench = createBench();
    const host = await bench.host(
      {
        rcpt: ({ address }) => {
          if (address.startsWith('full')) return '452 4.2.2 mailbox full';
          return address.startsWith('no') ? '550 5.1.1 no such user' : undefined;
        },
      },
      options,
    );
    const to = recipients('full@dest.example', 'b@dest.example', 'no@dest.example');
    const report = await bench.deliver(hostOf(host), { recipients: to });
    expect(report.accepted.map(({ index }) => index)).toEqual([1]);
    expect(report.refused).toMatchObject([
      {
        index: 0,
        happening: { phase: 'rcpt', rcptAccepted: false, cause: { reply: { enhancedCode: '4.2.2' } } },
      },
      { index: 2, happening: { phase: 'rcpt', rcptAccepted: true, cause: { reply: { code: 550 } } } },
    ]);
    expect(report.happening).toBeUndefined();
    expect(host.delivered[0]!.recipients.filter(({ accepted }) => accepted)).toHaveLength(1);
  });

  test('when every recipient is refused nothing else happened, and RSET comes before the next MAIL', async () => {
    bench = createBench();
    const host = await bench.host({ rcpt: '550 5.1.1 no such user' }, options);
    const report = await bench.deliver(hostOf(host), {
      recipients: recipients('x@dest.example', 'y@dest.example'),
    });
    expect(report.refused.map(({ index }) => index)).toEqual([0, 1]);
    expect(report.happening).toBeUndefined();
    expect(report.phase).toBe('rcpt');
    host.behaveWell();
    expect(await bench.deliver(hostOf(host))).toMatchObject({ reused: true, accepted: [{ index: 0 }] });
    const { commands } = host.connections[0]!;
    expect(commands.filter((line) => line === 'RSET')).toHaveLength(1);
  });

  test.each<[string, HostScript, string]>([
    ['MAIL', { mail: { reply: '421 4.3.2 bye', end: 'close' } }, 'mail 421 4.3.2 bye'],
    ['RCPT', { rcpt: { reply: '421 4.3.2 bye', end: 'close' } }, 'rcpt 421 4.3.2 bye'],
    ['DATA', { data: { reply: '421 4.3.2 bye', end: 'close' } }, 'data 421 4.3.2 bye'],
    ['the dot', { final: { reply: '421 4.3.2 bye', end: 'close' } }, 'final 421 4.3.2 bye'],
    ['MAIL, line not ended', { mail: { raw: '421 bye', end: 'close' } }, 'mail 421 bye'],
  ])('421 at %s ends the connection', async (_phase, script, words) => {
    bench = createBench();
    const host = await bench.host(script, options);
    expect(wordsOf((await bench.deliver(hostOf(host))).happening)).toBe(words);
    host.behaveWell();
    expect(await bench.deliver(hostOf(host))).toMatchObject({
      connectionNumber: 2,
      accepted: [{ index: 0 }],
    });
    expect(bench.closed).toEqual([1]);
  });

  test.each<[string, HostScript, string, boolean]>([
    ['closed at MAIL', { mail: { end: 'close' } }, 'mail lost', false],
    ['reset at MAIL', { mail: { end: 'reset' } }, 'mail lost', false],
    ['closed at RCPT', { rcpt: { end: 'close' } }, 'rcpt lost', false],
    ['reset at DATA', { data: { end: 'reset' } }, 'data lost', false],
    ['closed after the dot', { final: { end: 'close' } }, 'final lost', true],
    ['reset after the dot', { final: { end: 'reset' } }, 'final lost', true],
    ['garbage at MAIL', { mail: 'hello there' }, 'mail out-of-step', false],
    ['garbage at RCPT', { rcpt: '2x0 what' }, 'rcpt out-of-step', false],
    ['two codes in one reply', { rcpt: '250-yes\n550 no' }, 'rcpt out-of-step', false],
    ['garbage after the dot', { final: '\u0001' }, 'final out-of-step', true],
    ['354 after the dot', { final: '354 more' }, 'final 354 more', true],
    ['250 at DATA', { data: '250 thanks' }, 'data 250 thanks', false],
    ['354 at MAIL', { mail: '354 go' }, 'mail 354 go', false],
    ['a reply without end', { rcpt: { raw: `250-${'x'.repeat(70_000)}` } }, 'rcpt out-of-step', false],
  ])('%s', async (_what, script, words, terminatorSent) => {
    bench = createBench();
    const host = await bench.host(script, options);
    const report = await bench.deliver(hostOf(host));
    expect(wordsOf(report.happening)).toBe(words);
    expect(report.happening).toMatchObject({ terminatorSent, reused: false, sameHostRetried: false });
    expect(report.accepted).toEqual([]);
    expect(bench.delivery.warm().size).toBe(0);
  });

  test.each<[string, HostScript, string, boolean]>([
    ['MAIL', { mail: { silent: true } }, 'mail timeout', false],
    ['RCPT', { rcpt: { silent: true } }, 'rcpt timeout', false],
    ['DATA', { data: { silent: true } }, 'data timeout', false],
    ['the dot', { final: { silent: true } }, 'final timeout', true],
    ['a reply that drips', { mail: { reply: '250 slowly as can be', dripMs: 20 } }, 'mail timeout', false],
  ])('silence at %s is a time-out', async (_phase, script, words, terminatorSent) => {
    bench = createBench({ timeouts: { commandMs: 100, dataMs: 100, finalReplyMs: 100 } });
    const host = await bench.host(script, options);
    const report = await bench.deliver(hostOf(host));
    expect(wordsOf(report.happening)).toBe(words);
    expect(report.happening).toMatchObject({ terminatorSent });
  });
});

test('commands leave together only where the host offers PIPELINING and nobody objects', async () => {
  bench = createBench();
  const host = await bench.host();
  await bench.deliver(hostOf(host));
  expect(host.connections[0]!.pipelined).toBe(2);
  await bench.deliver(hostOf(host), { withoutPipelining: true });
  expect(host.connections[0]!.pipelined).toBe(2);
  const plain = await bench.host({}, withoutPipelining);
  await bench.deliver(hostOf(plain));
  expect(plain.connections[0]!.pipelined).toBe(0);
});

test('the replies after a refused MAIL are read, so that they are not taken for those of the next message', async () => {
  bench = createBench();
  const host = await bench.host({ mail: ({ count }) => (count === 1 ? '450 4.7.1 not now' : undefined) });
  expect(wordsOf((await bench.deliver(hostOf(host))).happening)).toBe('mail 450 4.7.1 not now');
  expect(await bench.deliver(hostOf(host))).toMatchObject({ reused: true, accepted: [{ index: 0 }] });
  expect(host.delivered).toHaveLength(1);
});

test('a refusal stands although the connection breaks before the rest of the replies', async () => {
  bench = createBench();
  const host = await bench.host({ mail: '550 5.7.1 no', data: { end: 'reset' } });
  expect(wordsOf((await bench.deliver(hostOf(host))).happening)).toBe('mail 550 5.7.1 no');
  host.behave({ mail: undefined, rcpt: '550 5.1.1 no' });
  const report = await bench.deliver(hostOf(host));
  expect(report.refused).toHaveLength(1);
  expect(report.happening).toBeUndefined();
});

test('a host that wants the body although it refused every recipient gets an empty one, and stays usable', async () => {
  bench = createBench();
  const host = await bench.host({ rcpt: '550 5.1.1 no', data: '354 go ahead' });
  const report = await bench.deliver(hostOf(host));
  expect(report.refused).toHaveLength(1);
  expect(report.happening).toBeUndefined();
  expect(host.transactions.map(({ body }) => body.length)).toEqual([0]);
  host.behaveWell();
  expect(await bench.deliver(hostOf(host))).toMatchObject({ reused: true, accepted: [{ index: 0 }] });
  expect(host.connections[0]!.commands).not.toContain('RSET');
});

test('a host that wants the body although it refused the sender is left', async () => {
  bench = createBench();
  const host = await bench.host({ mail: '550 5.7.1 no', data: '354 go ahead' });
  expect(wordsOf((await bench.deliver(hostOf(host))).happening)).toBe('mail 550 5.7.1 no');
  expect(bench.delivery.warm().size).toBe(0);
  expect(host.transactions).toEqual([]);
});

describe('the fence', () => {
  test.each<[string, () => boolean | Promise<boolean>]>([
    ['says no', () => false],
    ['says no later', async () => false],
    [
      'throws',
      () => {
        throw new Error('redis');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('redis');
      },
    ],
  ])('that %s ends the connection before the first byte', async (_what, fence) => {
    bench = createBench();
    const host = await bench.host();
    const report = await bench.deliver(hostOf(host), { fence });
    expect(report).toMatchObject({ fenced: true, accepted: [], refused: [], phase: 'body' });
    expect(report.happening).toBeUndefined();
    expect(host.counters.phases).toMatchObject({ data: 1, body: 0, final: 0 });
    expect(bench.delivery.warm().size).toBe(0);
  });

  test('is asked once, after 354, and the body follows a late yes', async () => {
    bench = createBench();
    const host = await bench.host();
    const asked: number[] = [];
    const fence = async (): Promise<boolean> => {
      asked.push(host.counters.phases.data);
      await new Promise((resolve) => setTimeout(resolve, 10));
      return true;
    };
    expect(await bench.deliver(hostOf(host), { fence })).toMatchObject({
      accepted: [{ index: 0 }],
      fenced: false,
    });
    expect(asked).toEqual([1]);
  });

  test('is asked again before the end of a body of several blocks, and a no then leaves the host with nothing', async () => {
    bench = createBench();
    const host = await bench.host();
    const body = Buffer.from('a line of the body\r\n'.repeat((3 * bodyBlockBytes) / 20));
    const answers = [true, false];
    const report = await bench.deliver(hostOf(host), { body, fence: () => answers.shift() ?? true });
    expect(report).toMatchObject({ fenced: true, accepted: [], refused: [], phase: 'body' });
    expect(report.happening).toBeUndefined();
    expect(host.transactions).toEqual([]);
    expect(bench.delivery.warm().size).toBe(0);
    expect(await bench.deliver(hostOf(host), { body })).toMatchObject({ accepted: [{ index: 0 }] });
  });

  test('is not asked when nobody was accepted', async () => {
    bench = createBench();
    const host = await bench.host({ rcpt: '550 5.1.1 no' });
    const fence = (): boolean => {
      throw new Error('asked');
    };
    expect(await bench.deliver(hostOf(host), { fence })).toMatchObject({
      fenced: false,
      refused: [{ index: 0 }],
    });
  });

  test('that is still open when the connection is lost does not matter any more', async () => {
    bench = createBench();
    const host = await bench.host({ data: { reply: '354 go', end: 'close' } });
    const fence = (): Promise<boolean> => new Promise((resolve) => setTimeout(resolve, 100, true));
    const report = await bench.deliver(hostOf(host), { fence });
    expect(wordsOf(report.happening)).toBe('body lost');
    expect(report.happening).toMatchObject({ terminatorSent: false, rcptAccepted: true });
  });
});

describe('the deadline', () => {
  test('ends a transaction before the terminator', async () => {
    bench = createBench({ timeouts: { commandMs: 50_000, finalReplyMs: 60 }, idleConnectionMs: 100 });
    const host = await bench.host({ rcpt: { silent: true } });
    const report = await bench.deliver(hostOf(host), { deadlineMs: performance.now() + 60 });
    expect(wordsOf(report.happening)).toBe('rcpt timeout');
    expect(report.happening?.cause).toMatchObject({ detail: 'the time of the attempt is over' });
  });

  test('never cuts the wait for the final reply', async () => {
    bench = createBench({ idleConnectionMs: 100 });
    const host = await bench.host({ final: { delayMs: 200, reply: '250 at last' } });
    const report = await bench.deliver(hostOf(host), { deadlineMs: performance.now() + 80 });
    expect(report.accepted).toHaveLength(1);
  });
});
