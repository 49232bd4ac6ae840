import { createMessageId, jobId } from '@mailwheel/envelope';
import type { Envelope, FinalResult, LedgerEntry, MessageId } from '@mailwheel/envelope';
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import type { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSpool } from './create-spool.ts';
import { messageKeys } from './keys.ts';
import type { Spool } from './types.ts';

let redis: TestRedis;
let client: Redis;
let spool: Spool;

beforeAll(async () => {
  redis = await startRedis();
  client = redis.client();
  spool = createSpool({ client, tombstoneSeconds: 100, keepSeconds: 1000, ledgerEntriesMax: 5 });
});
beforeEach(async () => void (await client.flushall()));
afterAll(() => redis.stop());

const oddBody = Buffer.from([0, 255, 13, 10, 46, 13, 10, 0xc3, 0x28, 128]);

function envelopeFor(count: number, id = createMessageId(randomBytes(17), 7)): Envelope {
  return {
    messageId: id,
    messageNumber: 42,
    reversePath: 'sender@example.org',
    recipients: Array.from({ length: count }, (_, index) => ({
      index,
      address: `user${index}@example.com`,
      destination: 'example.com' as Envelope['recipients'][number]['destination'],
    })),
    smtpUtf8: false,
    body: '8BITMIME',
    bodyBytes: oddBody.length,
    priority: 'normal',
    acceptedAtMs: 1_700_000_000_000,
    origin: { protocol: 'smtp', clientAddress: '192.0.2.9', connectionNumber: 3 },
  };
}

async function accept(
  envelope: Envelope,
  state: 'staged' | 'committed' = 'committed',
  body: Buffer = oddBody,
): Promise<unknown[]> {
  const multi = client.multi();
  spool.addToTransaction(multi, envelope, body, state);
  const replies = (await multi.exec()) ?? [];
  return replies.map(([error, reply]) => error ?? reply);
}

const delivered: FinalResult = { state: 'delivered', atMs: 5, host: '10.0.0.1:25', reply: '250 2.0.0 Ok' };
const bounced: FinalResult = { state: 'bounced', atMs: 6, reply: '550 5.1.1 unknown' };

function line(id: MessageId, attempt: number): LedgerEntry {
  return {
    atMs: 1000 + attempt,
    jobId: jobId(id, 0),
    attempt,
    host: '10.0.0.1:25',
    connectionNumber: 9,
    phase: 'final',
    outcome: 'deferred',
    recipients: [0],
    reply: '452 4.3.1 Insufficient system resources',
    durationMs: 12,
  };
}

async function record(
  id: MessageId,
  results: readonly (readonly [number, FinalResult])[],
  ledger: LedgerEntry[] = [],
): Promise<{ taken: readonly number[]; open: number }> {
  return spool.record(id, { results: new Map(results), ledger });
}

describe('accepting', () => {
  it('keeps envelope and body exactly', async () => {
    const envelope: Envelope = {
      ...envelopeFor(2),
      recipients: [
        {
          index: 0,
          address: 'größe@bücher.example',
          destination: 'xn--bcher-kva.example' as never,
          notify: ['SUCCESS', 'DELAY'],
          originalRecipient: 'rfc822;a+20b',
        },
        { index: 1, address: 'b@example.com', destination: 'example.com' as never, notify: [] },
      ],
      ret: 'HDRS',
      envid: 'QQ+3D',
      smtpUtf8: true,
      priority: 'bulk',
      subject: 'Grüße',
      headerMessageId: '<1@x>',
      bounceOf: createMessageId(randomBytes(17), 3),
      origin: { protocol: 'http', clientAddress: '::1', principal: 'app1', connectionNumber: 0 },
    };
    expect(await accept(envelope)).toEqual(['OK', 'record:created']);
    expect(await spool.read(envelope.messageId)).toEqual({
      envelope,
      state: 'committed',
      results: new Map(),
    });
    expect(await spool.readBody(envelope.messageId)).toEqual(oddBody);
    const opened = await spool.open(envelope.messageId);
    expect(opened).toEqual({ envelope, state: 'committed', results: new Map(), body: oddBody });
  });

  it('adds nothing to a record that exists and says in which state it is', async () => {
    const envelope = envelopeFor(1);
    await accept(envelope);
    expect(await accept(envelope, 'committed', Buffer.from('other'))).toEqual([null, 'record:committed']);
    expect(await spool.readBody(envelope.messageId)).toEqual(oddBody);
    expect(await spool.backlog(7)).toBe(1);
  });

  it('leaves no body behind when it is repeated after the message was settled', async () => {
    const envelope = envelopeFor(1);
    await accept(envelope);
    await record(envelope.messageId, [[0, delivered]]);
    expect(await accept(envelope)).toEqual(['OK', 'record:settled']);
    expect(await client.exists(messageKeys(envelope.messageId).body)).toBe(0);
  });

  it('keeps the body of a bounced message, and its expiry, when it is repeated', async () => {
    const envelope = envelopeFor(1);
    await accept(envelope);
    await record(envelope.messageId, [[0, bounced]]);
    expect(await accept(envelope)).toEqual([null, 'record:settled']);
    expect(await client.ttl(messageKeys(envelope.messageId).body)).toBeGreaterThan(900);
  });
});

describe('commit state', () => {
  it('moves staged to committed once, and tells when it was revoked before', async () => {
    const one = envelopeFor(1);
    await accept(one, 'staged');
    expect(await spool.move(one.messageId, 'committed')).toBe(true);
    expect(await spool.move(one.messageId, 'committed')).toBe(true);
    expect((await spool.read(one.messageId))?.state).toBe('committed');
    const other = envelopeFor(1);
    await accept(other, 'staged');
    expect(await spool.move(other.messageId, 'revoked')).toBe(true);
    expect(await spool.move(other.messageId, 'committed')).toBe(false);
  });

  it('revokes a committed message before an attempt opened it and never after', async () => {
    const one = envelopeFor(1);
    await accept(one);
    expect(await spool.move(one.messageId, 'revoked')).toBe(true);
    expect(await spool.open(one.messageId)).toMatchObject({ state: 'revoked', body: undefined });
    expect(await spool.backlog(7)).toBe(0);
    const other = envelopeFor(1);
    await accept(other);
    await spool.open(other.messageId);
    expect(await spool.move(other.messageId, 'revoked')).toBe(false);
    expect((await spool.read(other.messageId))?.state).toBe('committed');
  });

  it('can revoke a message that a worker only looked at while it was staged', async () => {
    const envelope = envelopeFor(1);
    await accept(envelope, 'staged');
    await spool.open(envelope.messageId);
    await spool.move(envelope.messageId, 'committed');
    expect(await spool.move(envelope.messageId, 'revoked')).toBe(true);
  });

  it('bars a message that is still under way: its transaction finds it revoked', async () => {
    const envelope = envelopeFor(1);
    expect(await spool.move(envelope.messageId, 'revoked')).toBe(true);
    expect(await accept(envelope)).toEqual(['OK', 'record:revoked']);
    expect(await spool.open(envelope.messageId)).toBeUndefined();
    expect(await client.keys('*body*')).toEqual([]);
    expect(await client.ttl(messageKeys(envelope.messageId).record)).toBeGreaterThan(90);
    expect(await spool.backlog(7)).toBe(0);
  });

  it('takes no result of a revoked message', async () => {
    const envelope = envelopeFor(1);
    await accept(envelope);
    await spool.move(envelope.messageId, 'revoked');
    expect(await record(envelope.messageId, [[0, delivered]])).toEqual({ taken: [], open: 0 });
    expect((await spool.read(envelope.messageId))?.state).toBe('revoked');
  });
});

describe('recording', () => {
  it('settles a delivered message: body gone, record a tombstone with its ledger', async () => {
    const { messageId: id, ...rest } = envelopeFor(1);
    await accept({ messageId: id, ...rest });
    await spool.open(id);
    const entry = { ...line(id, 1), outcome: 'delivered' } as const;
    expect(await record(id, [[0, delivered]], [entry])).toEqual({ taken: [0], open: 0 });
    expect((await client.keys('*')).toSorted()).toEqual([messageKeys(id).backlog, messageKeys(id).record]);
    expect(await client.ttl(messageKeys(id).record)).toBeLessThanOrEqual(100);
    expect(await spool.read(id)).toMatchObject({ state: 'settled', results: new Map([[0, delivered]]) });
    expect(await spool.ledger(id)).toEqual([entry]);
    expect(await spool.backlog(7)).toBe(0);
  });

  it('costs a successful delivery seven commands', async () => {
    const { messageId: id, ...rest } = envelopeFor(1);
    await accept({ messageId: id, ...rest });
    await client.config('RESETSTAT');
    await record(id, [[0, delivered]], [line(id, 1)]);
    const stats = await client.info('commandstats');
    const counts = [...stats.matchAll(/cmdstat_([a-z|]+):calls=(\d+)/g)].filter(
      ([, name]) => name !== undefined && !/^(eval|evalsha|info|config)/.test(name),
    );
    expect(counts.map(([, name, calls]) => `${name} ${calls}`).toSorted()).toEqual([
      'decr 1',
      'del 1',
      'hmget 1',
      'hset 1',
      'hsetnx 1',
      'pexpire 1',
      'unlink 1',
    ]);
  });

  it('lets the first final result stand and changes nothing when it is repeated', async () => {
    const { messageId: id, ...rest } = envelopeFor(3);
    await accept({ messageId: id, ...rest });
    const first = [
      [0, delivered],
      [1, bounced],
    ] as const;
    expect(await record(id, first, [line(id, 1)])).toEqual({ taken: [0, 1], open: 1 });
    expect(await record(id, first, [line(id, 1)])).toEqual({ taken: [], open: 1 });
    expect(await record(id, [[1, delivered]], [line(id, 2)])).toEqual({ taken: [], open: 1 });
    expect(await record(id, [[2, delivered]], [line(id, 3)])).toEqual({ taken: [2], open: 0 });
    expect(await record(id, [[2, delivered]], [line(id, 3)])).toEqual({ taken: [], open: 0 });
    expect((await spool.ledger(id)).map((entry) => entry.attempt)).toEqual([1, 2, 3]);
    expect((await spool.read(id))?.results.get(1)).toEqual(bounced);
    expect(await spool.backlog(7)).toBe(0);
  });

  it('repeats a first attempt that settled without doubling its ledger', async () => {
    const { messageId: id, ...rest } = envelopeFor(1);
    await accept({ messageId: id, ...rest });
    const ledger = [line(id, 1), { ...line(id, 1), host: '10.0.0.2:25' }];
    for (let times = 0; times < 3; times++) await record(id, [[0, delivered]], ledger);
    expect(await spool.ledger(id)).toEqual(ledger);
    expect(await client.exists(messageKeys(id).ledger)).toBe(0);
  });

  it('keeps record, body and ledger as long as bounced mail is kept', async () => {
    const { messageId: id, ...rest } = envelopeFor(2);
    await accept({ messageId: id, ...rest });
    await record(id, [[1, bounced]], [line(id, 1)]);
    expect(await client.ttl(messageKeys(id).body)).toBe(-1);
    await record(id, [[0, delivered]], [line(id, 2)]);
    for (const key of [messageKeys(id).record, messageKeys(id).body, messageKeys(id).ledger]) {
      expect(await client.ttl(key)).toBeGreaterThan(900);
    }
  });

  it('keeps nothing of bounced mail but the tombstone when told so', async () => {
    const strict = createSpool({ client, tombstoneSeconds: 100, keepSeconds: 0 });
    const envelope = envelopeFor(1);
    await accept(envelope);
    await strict.record(envelope.messageId, { results: new Map([[0, bounced]]), ledger: [] });
    expect(await client.keys('*body*')).toEqual([]);
    expect(await client.ttl(messageKeys(envelope.messageId).record)).toBeLessThanOrEqual(100);
  });

  it('keeps the latest lines of a long ledger', async () => {
    const { messageId: id, ...rest } = envelopeFor(1);
    await accept({ messageId: id, ...rest });
    for (let attempt = 1; attempt <= 8; attempt++) await record(id, [], [line(id, attempt)]);
    expect((await spool.ledger(id)).map((entry) => entry.attempt)).toEqual([4, 5, 6, 7, 8]);
  });

  it('creates nothing for a message it does not know', async () => {
    const { messageId: id } = envelopeFor(1);
    expect(await record(id, [[0, delivered]], [line(id, 1)])).toEqual({ taken: [], open: 0 });
    expect(await client.keys('*')).toEqual([]);
  });

  it('is on the wire in the tick it is called', async () => {
    const { messageId: id, ...rest } = envelopeFor(1);
    await accept({ messageId: id, ...rest });
    await record(id, []);
    const recording = record(id, [[0, delivered]]);
    const read = client.hget(messageKeys(id).record, 'st');
    expect(await read).toBe('settled');
    await recording;
  });
});

describe('delivering again', () => {
  it('reopens what was not delivered and settles anew', async () => {
    const { messageId: id, ...rest } = envelopeFor(2);
    await accept({ messageId: id, ...rest });
    await record(id, [
      [0, delivered],
      [1, bounced],
    ]);
    expect(await spool.reopen(id, [1])).toBe(true);
    expect(await client.ttl(messageKeys(id).record)).toBe(-1);
    expect(await client.ttl(messageKeys(id).body)).toBe(-1);
    expect(await spool.read(id)).toMatchObject({ state: 'committed', results: new Map([[0, delivered]]) });
    expect(await spool.backlog(7)).toBe(1);
    expect(await record(id, [[1, delivered]])).toEqual({ taken: [1], open: 0 });
    expect(await client.exists(messageKeys(id).body)).toBe(0);
    expect(await spool.backlog(7)).toBe(0);
  });

  it('refuses as a whole what was delivered, deleted, or has no body any more', async () => {
    const { messageId: id, ...rest } = envelopeFor(3);
    await accept({ messageId: id, ...rest });
    await record(id, [
      [0, delivered],
      [1, bounced],
      [2, { state: 'deleted', atMs: 7 }],
    ]);
    expect(await spool.reopen(id, [0, 1])).toBe(false);
    expect(await spool.reopen(id, [1, 2])).toBe(false);
    expect((await spool.read(id))?.results.size).toBe(3);
    await client.del(messageKeys(id).body);
    expect(await spool.reopen(id, [1])).toBe(false);
  });
});

describe('housekeeping', () => {
  it('removes all of a message and counts it out of the backlog', async () => {
    const envelope = envelopeFor(2);
    await accept(envelope);
    await record(envelope.messageId, [], [line(envelope.messageId, 1)]);
    expect(await spool.remove(envelope.messageId)).toBe(true);
    expect(await spool.remove(envelope.messageId)).toBe(false);
    expect(await client.keys('*')).toEqual([messageKeys(envelope.messageId).backlog]);
    expect(await spool.backlog(7)).toBe(0);
  });

  it('scans the records of one shard only', async () => {
    const here = [envelopeFor(1), envelopeFor(1), envelopeFor(1)];
    const elsewhere = envelopeFor(1, createMessageId(randomBytes(17), 8));
    for (const envelope of [...here, elsewhere]) await accept(envelope);
    const found: string[] = [];
    for (let cursor: string | undefined; cursor !== '0';) {
      const step = await spool.scan(7, cursor ?? '0', 2);
      found.push(...step.ids);
      cursor = step.cursor;
    }
    expect(found.toSorted()).toEqual(here.map((envelope) => envelope.messageId).toSorted());
  });

  it('names the jobs of an envelope', () => {
    const envelope = envelopeFor(101);
    expect(spool.jobIds(envelope)).toEqual([`${envelope.messageId}-0`, `${envelope.messageId}-1`]);
  });
});

describe('a full Redis', () => {
  it('still opens, records, revokes and removes', async () => {
    const small = await startRedis({ arguments: ['--maxmemory', '3mb'] });
    try {
      client = small.client();
      spool = createSpool({ client, tombstoneSeconds: 100, keepSeconds: 1000 });
      const envelopes = [envelopeFor(2), envelopeFor(1), envelopeFor(1)];
      for (const envelope of envelopes) await accept(envelope);
      await expect(
        (async () => {
          for (let n = 0; ; n++) await client.set(`fill${n}`, Buffer.alloc(20_000));
        })(),
      ).rejects.toThrow(/OOM/);
      const [first, second, third] = envelopes.map((envelope) => envelope.messageId);
      if (first === undefined || second === undefined || third === undefined) throw new Error('unreachable');
      expect((await spool.open(first))?.body).toEqual(oddBody);
      expect(await record(first, [[0, delivered]], [line(first, 1)])).toEqual({ taken: [0], open: 1 });
      expect(await record(first, [[1, bounced]], [line(first, 2)])).toEqual({ taken: [1], open: 0 });
      expect(await spool.ledger(first)).toHaveLength(2);
      expect(await spool.move(second, 'revoked')).toBe(true);
      expect(await spool.move(createMessageId(randomBytes(17), 1), 'revoked')).toBe(true);
      expect(await spool.remove(third)).toBe(true);
      await expect(accept(envelopeFor(1))).rejects.toThrow(/EXECABORT/);
    } finally {
      await small.stop();
    }
  });
});
