/**
 * Goal: whatever a host does, what is reported and what the host took agree. Method: hosts that misbehave at random at every
 * phase, a few hundred messages over ten streams, and afterwards a comparison by message. The seed is in the test's name; put
 * a failing one into `seeds` to run it again.
 */
import { afterEach, expect, test } from 'vitest';
import type { Action, HostScript } from '@mailwheel/testkit';
import { createBench, hostOf, recipients, type Bench } from '../test/bench.ts';
import type { TransactionReport } from './types.ts';

let bench: Bench;
afterEach(() => bench.stop());

const seeds = [1, 2, 3, Date.now() % 1_000_000];
const messagesPerSeed = 400;

/** A small generator (mulberry32): the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function misbehaviour(random: () => number): HostScript {
  const ofPhase = (odds: number, refusals: readonly string[]) => (): Action | undefined => {
    if (random() > odds) return undefined;
    const all: Action[] = [
      ...refusals,
      { end: 'close' },
      { end: 'reset' },
      { reply: '421 4.3.2 bye', end: 'close' },
      { delayMs: 5, reply: refusals[0]! },
      'what?',
      { silent: true },
    ];
    return all[Math.floor(random() * all.length)];
  };
  return {
    greeting: ofPhase(0.1, ['431 full', '554 5.7.1 no']),
    ehlo: ofPhase(0.05, ['502 5.5.1 no', '250-x\n250 SIZE 10', '250-x\n250 PIPELINING']),
    mail: ofPhase(0.08, ['452 4.3.1 full', '550 5.7.1 no']),
    rcpt: ofPhase(0.15, ['450 4.7.1 wait', '550 5.1.1 no', '452 4.5.3 too many', '251 2.1.5 forwarded']),
    data: ofPhase(0.08, ['451 4.3.0 no', '354 whatever', '554 5.5.1 no']),
    body: () =>
      random() < 0.02 ? { reply: '552 5.3.4 big', end: random() < 0.5 ? 'close' : 'reset' } : undefined,
    final: ofPhase(0.15, ['451 4.3.0 later', '554 5.6.0 bad', '250 fine']),
    rset: ofPhase(0.2, ['500 5.5.2 what', '250 ok']),
  };
}

test.each(seeds)('reports agree with what the host took (seed %i)', async (seed) => {
  const random = randomFrom(seed);
  bench = createBench({
    timeouts: {
      connectMs: 1000,
      greetingMs: 60,
      commandMs: 60,
      dataMs: 60,
      bodyBlockMs: 60,
      finalReplyMs: 60,
    },
    messagesPerConnectionMax: 7,
  });
  const extensions = [['PIPELINING', 'DSN'], ['8BITMIME']];
  const hosts = await Promise.all(
    extensions.map((words) => bench.host(misbehaviour(random), { extensions: words })),
  );
  const reports = new Map<number, TransactionReport>();
  let next = 0;
  const stream = async (): Promise<void> => {
    while (next < messagesPerSeed) {
      const id = (next += 1);
      const filler = 'x'.repeat(random() < 0.1 ? 200_000 : 100);
      const report = await bench.deliver(hostOf(hosts[id % 2]!), {
        body: Buffer.from(`X-Id: ${id}.\r\n\r\n${filler}\r\n`),
        recipients: recipients('a@dest.example', 'b@dest.example', 'c@dest.example'),
        fence: () => random() > 0.03,
        fresh: random() < 0.1,
        withoutPipelining: random() < 0.2,
      });
      reports.set(id, report);
    }
  };
  await Promise.all(Array.from({ length: 10 }, stream));

  const complete = hosts.flatMap((host) => host.transactions);
  let delivered = 0;
  for (const [id, report] of reports) {
    const copies = complete.filter(({ body }) => body.includes(`X-Id: ${id}.`));
    const spoken = new Set([...report.accepted, ...report.refused].map(({ index }) => index));
    expect(spoken.size).toBe(report.accepted.length + report.refused.length);
    // Every recipient has an answer, or something happened to all that have none.
    if (spoken.size < 3) expect(report.fenced || report.happening !== undefined).toBe(true);
    if (report.accepted.length > 0) {
      delivered += 1;
      expect(report.happening).toBeUndefined();
      expect(copies.map(({ accepted }) => accepted)).toEqual([true]);
      const wanted = copies[0]!.recipients.flatMap(({ accepted }, index) => (accepted ? [index] : []));
      expect(report.accepted.map(({ index }) => index)).toEqual(wanted);
    } else if (copies.length > 0) {
      // The host had it all, and either refused it or was not heard: never a loss that another host may repair.
      const kind = copies.length === 1 && copies[0]!.accepted ? { cause: { kind: 'trouble' } } : {};
      expect(report.happening).toMatchObject({ phase: 'final', terminatorSent: true, ...kind });
    }
  }
  expect(reports.size).toBe(messagesPerSeed);
  expect(delivered).toBeGreaterThan(messagesPerSeed / 5);
});
