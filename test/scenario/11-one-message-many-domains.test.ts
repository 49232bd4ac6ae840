/** Acceptance 11: one message to many domains is stored once, and all of it or nothing of it. */
import type { Acceptance, Transaction } from '@mailwheel/accept';
import { shardOf, type DestinationKey } from '@mailwheel/envelope';
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { drain, startAccepting, submission, type Accepting, type Multi } from './accepting.ts';

let redis: TestRedis;
let plain: Accepting;
beforeAll(async () => {
  redis = await startRedis();
  plain = await startAccepting(redis);
});
beforeEach(async () => void (await plain.client.flushall()));
afterAll(async () => {
  await plain.close();
  await redis.stop();
});

const thirtyDomains = Array.from({ length: 30 }, (_, n) => `d${n}.example`);
const addresses = thirtyDomains.map((domain) => `user@${domain}`).toSorted();

async function keysLeft(): Promise<string[]> {
  return (await plain.client.keys('*')).toSorted();
}

describe('a message to 30 domains', () => {
  it('is one stored body and 30 jobs, is delivered to all, and leaves nothing but its tombstone', async () => {
    const accepted = await plain.acceptor.accept(submission(thirtyDomains));
    if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
    expect(await plain.client.keys('*!body*')).toHaveLength(1);
    expect(await plain.client.zcard('{mw0}:!due')).toBe(30);
    expect(await plain.client.keys(`*:${accepted.messageId}-*`)).toHaveLength(30);
    expect(await drain(plain)).toEqual(addresses);
    expect(await keysLeft()).toEqual([`{mw0}:!backlog`, `{mw0}:!msg:${accepted.messageId}`, '{mw:t}:mid']);
    expect(await plain.spool.backlog(0)).toBe(0);
    expect(await plain.client.ttl(`{mw0}:!msg:${accepted.messageId}`)).toBeGreaterThan(850);
  });

  it('is accepted over several shards too', async () => {
    const spread = await startAccepting(redis, { shards: 3 });
    const accepted = await spread.acceptor.accept(submission(thirtyDomains));
    if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
    expect((await spread.spool.read(accepted.messageId))?.state).toBe('committed');
    expect(await drain(spread, 3)).toEqual(addresses);
    const home = shardOf('d0.example' as DestinationKey, 3);
    expect(await keysLeft()).toEqual(
      [`{mw${home}}:!backlog`, `{mw${home}}:!msg:${accepted.messageId}`, '{mw:t}:mid'].toSorted(),
    );
    await spread.close();
  });
});

const commandNames = new Set(['set', 'eval', 'mwIndexJob', 'runCommand']);

/** Passes everything on to the real MULTI but command number `entry`, in whose place one comes that fails inside EXEC. */
function failingAt(multi: Multi, entry: number, seen: { commands: number }): Multi {
  const proxy: Multi = new Proxy(multi, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function' || !commandNames.has(String(name))) return member;
      return (...parameters: unknown[]): Multi => {
        if (seen.commands++ === entry) target.incr('{mw0}:text');
        else Reflect.apply(member, target, parameters);
        return proxy;
      };
    },
  });
  return proxy;
}

async function acceptFailingAt(
  entry: number,
  shards: number,
  fails: (shard: number) => boolean,
): Promise<{
  answer: Acceptance;
  commands: number;
  delivered: string[];
}> {
  await plain.client.flushall();
  await plain.client.set('{mw0}:text', 'not a number');
  const seen = { commands: 0 };
  const domains = shards === 1 ? thirtyDomains : thirtyDomains.slice(0, 6);
  const broken = await startAccepting(redis, {
    shards,
    deps: ({ queue }) => ({
      queue: {
        addToTransaction: (multi, job) => queue.addToTransaction(multi, job),
        discardHalfWritten: (jobs) => queue.discardHalfWritten(jobs),
        transaction: async (shard) => {
          const multi = await queue.transaction(shard);
          return fails(shard) ? failingAt(multi, entry, seen) : multi;
        },
      },
    }),
  });
  const answer = await broken.acceptor.accept(submission(domains));
  // Also what is not in the index: the sweeper would find it.
  for (const domain of domains) await broken.queue.touch(domain as DestinationKey);
  const delivered = await drain(broken, shards);
  await broken.close();
  return { answer, commands: seen.commands, delivered };
}

const planted = { kind: 'unavailable', reason: expect.stringContaining('not an integer') };

describe('a MULTI of which an entry fails', () => {
  it('is 451 whichever entry it is, and nothing of it is delivered or kept but a tombstone', async () => {
    let commands = 1;
    for (let entry = 0; entry < commands; entry++) {
      const outcome = await acceptFailingAt(entry, 1, () => true);
      commands = outcome.commands;
      expect(outcome, `entry ${entry}`).toMatchObject({ answer: planted, delivered: [] });
      const left = (await keysLeft()).filter((key) => !/!msg:|!backlog|:mid$|:text$/.test(key));
      expect(left, `entry ${entry}`).toEqual([]);
      expect(await plain.spool.backlog(0)).toBe(0);
    }
    expect(commands).toBe(2 + 30 * 2);
  });

  it('is 451 on any shard', async () => {
    for (const shard of [0, 1, 2]) {
      for (let entry = 0, commands = 1; entry < commands; entry++) {
        const outcome = await acceptFailingAt(entry, 3, (asked) => asked === shard);
        commands = outcome.commands;
        expect(outcome, `shard ${shard}, entry ${entry}`).toMatchObject({
          answer: planted,
          delivered: [],
        });
        expect(await plain.client.keys('*!body*')).toEqual([]);
      }
    }
  });

  it.each([
    ['the due index', '{mw0}:!due'],
    ['a list of a queue', '{mw0}:d7.example:wait'],
    ['the meta of a queue', '{mw0}:d7.example:meta'],
  ])('is 451 when something else stands where %s should be', async (_, key) => {
    await plain.client.set(key, 'in the way');
    const answer = await plain.acceptor.accept(submission(thirtyDomains));
    expect(answer).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('WRONGTYPE') });
    await plain.client.del(key);
    for (const domain of thirtyDomains) await plain.queue.touch(domain as DestinationKey);
    expect(await drain(plain)).toEqual([]);
  });
});

it('a transaction of the queue is one of the acceptor', async () => {
  const multi: Transaction = await plain.queue.transaction(0);
  expect(await multi.exec()).toEqual([]);
});
