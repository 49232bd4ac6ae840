/** What callers see when Redis is full, frozen, gone, or has lost its scripts. */
import { afterEach, describe, expect, it } from 'vitest';
import { startRedis, waitFor } from '@mailwheel/testkit';
import { checkServer } from './check-server.ts';
import { connectRedis, whenReady } from './connect.ts';
import { createDestinationQueues } from './create-destination-queues.ts';
import { assertExec, QueueUnavailable, TransactionFailed } from './errors.ts';
import {
  add,
  destination,
  jobOf,
  newJob,
  startQueueFixture,
  take,
  type QueueFixture,
} from '../test/fixture.ts';

let fixture: QueueFixture | undefined;

afterEach(async () => {
  await fixture?.stop();
  fixture = undefined;
});

async function unavailable(act: Promise<unknown>): Promise<QueueUnavailable> {
  const error: unknown = await act.then(
    () => undefined,
    (rejected: unknown) => rejected,
  );
  if (error instanceof QueueUnavailable) return error;
  throw new Error(`expected QueueUnavailable, got ${String(error)}`);
}

async function transactionFailure(act: Promise<unknown>): Promise<TransactionFailed> {
  const error: unknown = await act.then(
    () => undefined,
    (rejected: unknown) => rejected,
  );
  if (error instanceof TransactionFailed) return error;
  throw new Error(`expected TransactionFailed, got ${String(error)}`);
}

describe('a full Redis', () => {
  it('refuses new jobs whole and lets everything that is stored be delivered', async () => {
    fixture = await startQueueFixture();
    const queues = await fixture.open({ lockMs: 5_000, stalledMs: 50 });
    const a = destination('a.example');
    await add(
      queues,
      Array.from({ length: 6 }, () => newJob('a.example')),
    );
    const dead = await take(await fixture.open(), 'a.example');
    const { used_memory: used } = Object.fromEntries(
      (await fixture.inspector.info('memory')).split('\r\n').map((line) => line.split(':')),
    ) as Record<string, string>;
    await fixture.inspector.config('SET', 'maxmemory', String(Math.floor(Number(used) / 2)));

    const multi = await queues.transaction(0);
    await queues.addToTransaction(multi, newJob('new.example'));
    const refused: unknown = await multi
      .exec()
      .then(assertExec)
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(String(refused)).toMatch(/OOM|EXECABORT/);
    expect(await fixture.inspector.keys('*new.example*')).toEqual([]);

    expect((await queues.claim(0, 5)).destinations).toEqual([a]);
    const first = await take(queues, 'a.example');
    expect(await queues.renewLock(first)).toBe(true);
    const second = jobOf(await queues.complete(first, true));
    const parked = { delayMs: 0, data: second.data, reason: '451', countAttempt: true, parked: true };
    const third = jobOf(await queues.defer(second, parked, true));
    const fourth = jobOf(await queues.fail(third, { data: third.data, reason: '550' }, true));
    await queues.giveBack(fourth);
    await queues.touch(a);
    // The job of a dead owner is found and delivered, too.
    await fixture.inspector.del(`{mw0}:a.example:${dead.id}:lock`);
    await queues.settle(a, { took: true });
    let taken = await queues.take(a);
    const rest: string[] = [];
    while (taken.kind === 'job') {
      rest.push(taken.job.id);
      const next = await queues.complete(taken.job, true);
      if (next.kind === 'refused') throw new Error('refused');
      taken = next;
    }
    expect(rest).toHaveLength(4);
    expect(rest[0]).toBe(dead.id);
    await queues.awaitHint(0, 20);
  });
});

describe('a Redis that lost its scripts', () => {
  it('fails the MULTI, leaves nothing of it behind, and works again on a new connection', async () => {
    fixture = await startQueueFixture();
    const queues = await fixture.open();
    await add(queues, [newJob('a.example')]);
    await fixture.inspector.script('FLUSH');
    const job = newJob('b.example');
    const failure = await transactionFailure(add(queues, [job]));
    expect(failure).toMatchObject({ reason: 'refused', entry: 0 });
    await waitFor('a MULTI to work again', async () => {
      try {
        await add(queues, [newJob('c.example')]);
        return true;
      } catch {
        return false;
      }
    });
    await queues.discardHalfWritten([job]);
    await queues.settle(job.destination, { took: false });
    expect(await fixture.inspector.keys('*b.example*')).toEqual([]);
    await fixture.inspector.script('FLUSH');
    expect((await queues.claim(0, 5)).destinations).toHaveLength(2);
    await queues.complete(await take(queues, 'a.example'), false);
  });
});

describe('an entry of the MULTI that fails', () => {
  it('is found, and its half-written job is discarded, but no job that is whole', async () => {
    fixture = await startQueueFixture();
    const queues = await fixture.open();
    const [whole, half] = [newJob('a.example'), newJob('b.example')];
    await add(queues, [whole]);
    await fixture.inspector.set('{mw0}:b.example:wait', 'a string');
    const failure = await transactionFailure(add(queues, [whole, half]));
    expect(failure.entry).toBe(3);
    expect(await fixture.inspector.exists(`{mw0}:b.example:${half.id}`)).toBe(1);
    await queues.discardHalfWritten([whole, half]);
    expect(await fixture.inspector.exists(`{mw0}:b.example:${half.id}`)).toBe(0);
    await fixture.inspector.del('{mw0}:b.example:wait');
    await add(queues, [half]);
    expect((await take(queues, 'b.example')).id).toBe(half.id);
    expect((await take(queues, 'a.example')).id).toBe(whole.id);
  });

  it('is found when BullMQ refuses with a negative number', () => {
    expect(() =>
      assertExec([
        [null, 1],
        [null, -5],
      ]),
    ).toThrow(TransactionFailed);
    expect(() => assertExec(null)).toThrow(TransactionFailed);
    expect(() =>
      assertExec([
        [null, 'id'],
        [null, 0],
      ]),
    ).not.toThrow();
  });
});

describe('a Redis that is frozen or gone', () => {
  it('is told within the command time-out, and a completion whose answer was lost is repeated in safety', async () => {
    fixture = await startQueueFixture();
    const queues = await fixture.open({ lockMs: 10_000 });
    await add(queues, [newJob('a.example'), newJob('a.example')]);
    const held = await take(queues, 'a.example');
    fixture.redis.process.kill('SIGSTOP');
    const started = performance.now();
    const [move, claim] = await Promise.all([
      unavailable(queues.complete(held, false)),
      unavailable(queues.claim(0, 1)),
      transactionError(add(queues, [newJob('z.example')])),
    ]);
    expect(performance.now() - started).toBeLessThan(1_500);
    expect([move.reason, claim.reason]).toEqual(['unknown', 'unknown']);
    expect(queues.heldJobs()).toBe(1);
    fixture.redis.process.kill('SIGCONT');
    // It did run, after its caller gave up.
    expect(await queues.complete(held, false)).toEqual({ kind: 'refused', code: -1 });
    expect(queues.heldJobs()).toBe(0);
  });

  it('is told at once when it dies with a command under way', async () => {
    fixture = await startQueueFixture();
    const queues = await fixture.open();
    fixture.redis.process.kill('SIGSTOP');
    const claim = unavailable(queues.claim(0, 1));
    const woken = queues.awaitHint(0, 10_000);
    const started = performance.now();
    fixture.redis.process.kill('SIGKILL');
    expect((await claim).reason).toBe('unknown');
    await woken;
    expect(performance.now() - started).toBeLessThan(700);
  });

  it('is told at once when there is no connection, and found again', async () => {
    const redis = await startRedis();
    const client = connectRedis({ url: redis.url }, 'producer', () => undefined);
    await whenReady(client, 5_000);
    const queues = await createDestinationQueues({ client, workerName: 'producer' });
    redis.process.kill('SIGKILL');
    await waitFor('the loss of the connection', () => client.status !== 'ready');
    const started = performance.now();
    expect((await unavailable(queues.claim(0, 1))).reason).toBe('not-sent');
    await transactionError(add(queues, [newJob('a.example')]));
    expect(performance.now() - started).toBeLessThan(100);
    const again = await startRedis({ port: redis.port });
    await whenReady(client, 5_000);
    await add(queues, [newJob('a.example')]);
    expect((await queues.claim(0, 1)).destinations).toEqual(['a.example']);
    await queues.close();
    client.disconnect();
    await again.stop();
    await redis.stop();
  });
});

async function transactionError(act: Promise<unknown>): Promise<void> {
  await expect(act).rejects.toThrow();
}

describe('the check at start', () => {
  it('says what is wrong with a server, in sentences', async () => {
    const redis = await startRedis({ arguments: ['--maxmemory', '0', '--maxmemory-policy', 'allkeys-lru'] });
    const check = await checkServer(redis.client(), { shards: 1 });
    expect(check.kind === 'unfit' && check.problems).toEqual([
      expect.stringMatching(/evicts keys.*Set maxmemory-policy to noeviction/),
      expect.stringMatching(/no maxmemory/),
    ]);
    await redis.stop();
  });

  it('accepts a fit one, and refuses another number of shards afterwards', async () => {
    const redis = await startRedis();
    const client = redis.client();
    expect(await checkServer(client, { shards: 4 })).toMatchObject({ kind: 'fit', maxmemoryBytes: 2 ** 30 });
    expect(await checkServer(client, { shards: 4 })).toMatchObject({ kind: 'fit' });
    const other = await checkServer(client, { shards: 8 });
    expect(other.kind === 'unfit' && other.problems).toEqual([
      expect.stringMatching(/redis.shards: 4.*Put 4 back/),
    ]);
    await redis.stop();
  });
});

describe('connecting', () => {
  it('takes user and password, and refuses settings that name two places', async () => {
    const redis = await startRedis();
    await redis.client().call('ACL', 'SETUSER', 'mail', 'on', '>secret', '~*', '+@all');
    const errors: Error[] = [];
    const right = connectRedis({ url: redis.url, username: 'mail', password: 'secret' }, 'worker', (error) =>
      errors.push(error),
    );
    await whenReady(right, 5_000);
    expect(await right.call('ACL', 'WHOAMI')).toBe('mail');
    const wrong = connectRedis({ url: redis.url, username: 'mail', password: 'no' }, 'worker', (error) =>
      errors.push(error),
    );
    expect((await unavailable(whenReady(wrong, 300))).message).toMatch(/WRONGPASS/);
    expect(errors.some((error) => error.message.includes('WRONGPASS'))).toBe(true);
    expect(() => connectRedis({ url: redis.url, cluster: { nodes: [] } }, 'worker', () => undefined)).toThrow(
      /exactly one/,
    );
    right.disconnect();
    wrong.disconnect();
    await redis.stop();
  });
});
