/** What an accept answers, and what is delivered in the end, when Redis is full, forgetful, frozen, cut off or away. */
import type { Acceptance } from '@mailwheel/accept';
import { createMessageId, type MessageId } from '@mailwheel/envelope';
import { startRedis, waitFor, type TestRedis } from '@mailwheel/testkit';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { drain, startAccepting, submission, type Accepting, type Submission } from './accepting.ts';

let redis: TestRedis;
let accepting: Accepting;
beforeEach(async () => {
  redis = await startRedis();
  accepting = await startAccepting(redis, { commandTimeoutMs: 300 });
});
afterEach(async () => {
  redis.process.kill('SIGCONT');
  await accepting.close();
  await redis.stop();
});

const domains = ['a.example', 'b.example'];
const both = ['user@a.example', 'user@b.example'];

function idOf(answer: Acceptance): MessageId {
  if (answer.kind !== 'accepted') throw new Error(`not accepted: ${answer.kind}`);
  return answer.messageId;
}

describe('trouble with Redis', () => {
  it('forgotten scripts: refused once, nothing of it is delivered, and the next one is accepted', async () => {
    await accepting.acceptor.accept(submission(domains));
    await drain(accepting);
    await redis.client().script('FLUSH');
    expect(await accepting.acceptor.accept(submission(domains))).toMatchObject({
      kind: 'unavailable',
      reason: expect.stringContaining('NOSCRIPT'),
    });
    expect(await drain(accepting)).toEqual([]);
    expect((await accepting.acceptor.accept(submission(domains))).kind).toBe('accepted');
    expect(await drain(accepting)).toEqual(both);
  });

  it('full: 452, and nothing is stored', async () => {
    const other = redis.client();
    await accepting.acceptor.accept(submission(domains));
    await drain(accepting);
    await other.config('SET', 'maxmemory', '1');
    expect((await accepting.acceptor.accept(submission(domains))).kind).toBe('full');
    await other.config('SET', 'maxmemory', '0');
    expect(await other.keys('*!body*')).toEqual([]);
    expect(await drain(accepting)).toEqual([]);
  });

  it('frozen: the answer comes in time, and the message is withdrawn when Redis wakes up', async () => {
    await accepting.acceptor.accept(submission(domains));
    await drain(accepting);
    redis.process.kill('SIGSTOP');
    const startedMs = performance.now();
    expect((await accepting.acceptor.accept(submission(domains))).kind).toBe('unknown');
    expect(performance.now() - startedMs).toBeLessThan(1500);
    redis.process.kill('SIGCONT');
    await waitFor('the withdrawal', () => accepting.acceptor.doubtful() === 0);
    expect(await drain(accepting)).toEqual([]);
    expect(await accepting.spool.backlog(0)).toBe(0);
  });

  it('the connection breaks with the message under way: it is withdrawn over the next one', async () => {
    const other = redis.client();
    await other.client('PAUSE', 300, 'WRITE');
    const answer = accepting.acceptor.accept(submission(domains));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await other.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    expect((await answer).kind).toBe('unavailable');
    await waitFor('the next connection', () => accepting.client.status === 'ready');
    expect(await drain(accepting)).toEqual([]);
  });

  it('away: 451 at once', async () => {
    await accepting.acceptor.accept(submission(domains));
    redis.process.kill('SIGKILL');
    await waitFor('the loss of the connection', () => accepting.client.status !== 'ready');
    const startedMs = performance.now();
    expect((await accepting.acceptor.accept(submission(domains))).kind).toBe('unavailable');
    expect(performance.now() - startedMs).toBeLessThan(200);
  });
});

describe('replicas that do not acknowledge', () => {
  it('refuse the message, which is withdrawn', async () => {
    const strict = await startAccepting(redis, { replicas: { wanted: 1, timeoutMs: 50 } });
    expect((await strict.acceptor.accept(submission(domains))).kind).toBe('unavailable');
    expect(await drain(strict)).toEqual([]);
    await strict.close();
  });

  it('leave it unknown when a worker was faster', async () => {
    const strict = await startAccepting(redis, { replicas: { wanted: 1, timeoutMs: 200 } });
    const answer = strict.acceptor.accept(submission(domains));
    const delivered: string[] = [];
    await waitFor('a delivery', async () => {
      delivered.push(...(await drain(accepting)));
      return delivered.length > 0;
    });
    expect((await answer).kind).toBe('unknown');
    expect(delivered).toEqual(both);
    await strict.close();
  });
});

describe('a fixed id', () => {
  function fixed(): Submission & { readonly messageId: MessageId } {
    return { ...submission(['a.example']), messageId: createMessageId(randomBytes(17), 0) };
  }

  it('is accepted once, however often it is sent', async () => {
    const report = fixed();
    const first = await accepting.acceptor.accept(report);
    expect(await accepting.acceptor.accept(report)).toEqual({ ...first, repeated: true });
    expect(await drain(accepting)).toEqual(['user@a.example']);
    expect(await accepting.acceptor.accept(report)).toEqual({ ...first, repeated: true });
    expect(await drain(accepting)).toEqual([]);
    expect(await redis.client().keys('*!body*')).toEqual([]);
  });

  it('can be accepted after a try that failed half way', async () => {
    const report = fixed();
    const other = redis.client();
    await other.set('{mw0}:!due', 'in the way');
    expect((await accepting.acceptor.accept(report)).kind).toBe('unavailable');
    await other.del('{mw0}:!due');
    expect(await accepting.acceptor.accept(report)).toMatchObject({ kind: 'accepted', repeated: false });
    expect(await drain(accepting)).toEqual(['user@a.example']);
  });

  it('is accepted by the second try when the first was in doubt, and delivered once', async () => {
    const report = fixed();
    await accepting.acceptor.accept(submission(domains));
    await drain(accepting);
    redis.process.kill('SIGSTOP');
    expect((await accepting.acceptor.accept(report)).kind).toBe('unknown');
    redis.process.kill('SIGCONT');
    expect(await accepting.acceptor.accept(report)).toMatchObject({ kind: 'accepted', repeated: true });
    expect(await drain(accepting)).toEqual(['user@a.example']);
  });
});

describe.each([1, 3])('an Idempotency-Key with %i shards', (shards) => {
  let keyed: Accepting;
  beforeEach(async () => {
    keyed = await startAccepting(redis, { shards, commandTimeoutMs: 300 });
  });
  afterEach(() => keyed.close());

  const many = Array.from({ length: 6 }, (_, n) => `d${n}.example`);
  const everybody = many.map((domain) => `user@${domain}`);
  const request = (digest = 'digest', key = 'key'): Submission => ({
    ...submission(many),
    idempotency: { scope: 'app1', key, digest },
  });

  it('makes one message of ten requests at the same time', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => keyed.acceptor.accept(request())));
    expect(new Set(answers.map(idOf)).size).toBe(1);
    expect(await drain(keyed, shards)).toEqual(everybody);
  });

  it('is remembered when the message is long gone, and is a conflict for another request', async () => {
    const first = await keyed.acceptor.accept(request());
    expect(await drain(keyed, shards)).toEqual(everybody);
    await keyed.spool.remove(idOf(first));
    expect(await keyed.acceptor.accept(request())).toEqual({ ...first, repeated: true });
    expect(await keyed.acceptor.accept(request('another'))).toEqual({
      kind: 'conflict',
      messageId: idOf(first),
    });
    expect(await drain(keyed, shards)).toEqual([]);
  });

  it('is free again after a refusal', async () => {
    const other = redis.client();
    for (let shard = 0; shard < shards; shard++) await other.set(`{mw${shard}}:!due`, 'in the way');
    expect((await keyed.acceptor.accept(request())).kind).toBe('unavailable');
    for (let shard = 0; shard < shards; shard++) await other.del(`{mw${shard}}:!due`);
    expect(await keyed.acceptor.accept(request('another'))).toMatchObject({
      kind: 'accepted',
      repeated: false,
    });
    expect(await drain(keyed, shards)).toEqual(everybody);
  });

  it('gets a new message when the sweeper revoked what a crash had left', async () => {
    const first = idOf(await keyed.acceptor.accept(request()));
    await keyed.spool.move(first, 'revoked');
    for (const key of await redis.client().keys('*!idem*')) await redis.client().hdel(key, 'ok');
    const second = await keyed.acceptor.accept(request());
    expect(second).toMatchObject({ kind: 'accepted', repeated: false });
    expect(idOf(second)).not.toBe(first);
    expect(await keyed.acceptor.accept(request())).toEqual({ ...second, repeated: true });
    expect(await drain(keyed, shards)).toEqual(everybody);
  });

  it('makes one message of two tries of which the first was in doubt', async () => {
    await keyed.acceptor.accept(submission(many));
    await drain(keyed, shards);
    redis.process.kill('SIGSTOP');
    expect(['unknown', 'unavailable']).toContain((await keyed.acceptor.accept(request())).kind);
    redis.process.kill('SIGCONT');
    expect((await keyed.acceptor.accept(request())).kind).toBe('accepted');
    expect(await drain(keyed, shards)).toEqual(everybody);
  });

  it('stores what a second try brings under the id of the first, and its trace line names that id', async () => {
    const first = createMessageId(randomBytes(17), 0);
    const traced = (id: MessageId): Submission => ({
      ...request(),
      messageId: id,
      freshId: true,
      body: Buffer.from(`Received: id ${id}\r\n\r\n`),
      bodyUnder: (under) => Buffer.from(`Received: id ${under}\r\n\r\n`),
    });
    const doubtful = await startAccepting(redis, {
      shards,
      deps: ({ queue }) => ({
        queue: {
          addToTransaction: (multi, job) => queue.addToTransaction(multi, job),
          discardHalfWritten: (jobs) => queue.discardHalfWritten(jobs),
          transaction: async (shard) => {
            const multi = await queue.transaction(shard);
            multi.exec = () => Promise.reject(new Error('Command timed out'));
            return multi;
          },
        },
      }),
    });
    expect((await doubtful.acceptor.accept(traced(first))).kind).toBe('unknown');
    await doubtful.close();
    const answer = await keyed.acceptor.accept(traced(createMessageId(randomBytes(17), 0)));
    expect(answer).toMatchObject({ kind: 'accepted', messageId: first });
    expect(String(await keyed.spool.readBody(first))).toBe(`Received: id ${first}\r\n\r\n`);
  });
});

it('a closed acceptor takes nothing more and ends what is under way', async () => {
  const answer = accepting.acceptor.accept(submission(domains));
  await accepting.acceptor.close();
  expect((await answer).kind).toBe('accepted');
  expect((await accepting.acceptor.accept(submission(domains))).kind).toBe('unavailable');
  expect(accepting.acceptor.admission().kind).toBe('unavailable');
});
