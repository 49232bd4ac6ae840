import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type Store } from '@mailwheel/assembly';
import { findRunningRedis, startEmbeddedRedis } from '@mailwheel/embedded';
import { destinationKey, type MessageId } from '@mailwheel/envelope';
import { loadConfiguration } from '@mailwheel/lifecycle';
import type { Settings } from '@mailwheel/settings';
import { startRedis, type TestRedis } from '@mailwheel/testkit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { call, type Called } from '../../fixture/calls.ts';

let folder: string;
let redis: TestRedis;
let config: string;
let store: Store;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailwheel-queue-'));
  redis = await startRedis();
  config = join(folder, 'mailwheel.yaml');
  await writeFile(config, `redis: { url: "${redis.url}" }\ndataFolder: ${join(folder, 'none')}\n`);
  store = await openStore(await settingsOf(config), { purpose: 'console', name: 'test' });
});

beforeEach(() => redis.client().flushdb());

afterAll(async () => {
  await store.close();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

async function settingsOf(configPath: string): Promise<Settings> {
  const loaded = await loadConfiguration({ configPath, environment: {}, role: 'tool' });
  if (!loaded.ok) throw new Error(loaded.problems.join('\n'));
  return loaded.settings;
}

async function accept(into: Store, ...addresses: readonly string[]): Promise<MessageId> {
  const recipients = addresses.map((address, index) => {
    const key = destinationKey(address.slice(address.indexOf('@') + 1));
    if (!key.ok) throw new Error(key.text);
    return { index, address, destination: key.key, notify: ['FAILURE'] as const };
  });
  const accepted = await into.acceptor.accept({
    envelope: {
      reversePath: 'sender@example.net',
      recipients,
      smtpUtf8: false,
      body: '8BITMIME',
      priority: 'normal',
      origin: { protocol: 'smtp', clientAddress: '127.0.0.1', connectionNumber: 1 },
      subject: 'Hello',
    },
    body,
  });
  if (accepted.kind !== 'accepted') throw new Error(JSON.stringify(accepted));
  return accepted.messageId;
}

const body = Buffer.from('Subject: Hello\r\n\r\n.dot and 8-bit \xe4 and no last line end', 'latin1');

function run(...words: readonly string[]): Promise<Called> {
  return call(...words, '--config', config);
}

/** Takes the job of a message as a worker would, and ends its attempt. */
async function defer(destination: string, delayMs: number): Promise<void> {
  const key = destinationKey(destination);
  if (!key.ok) throw new Error(key.text);
  const taken = await store.queues.take(key.key);
  if (taken.kind !== 'job') throw new Error('nothing to take');
  const { data } = taken.job;
  await store.queues.defer(
    taken.job,
    { delayMs, data, reason: '452 4.3.1 full', countAttempt: true, parked: false },
    false,
  );
  await store.queues.settle(key.key, { took: true });
}

test('list tells the destinations, the busiest first, and their sum', async () => {
  await accept(store, 'a@one.example', 'b@two.example');
  await accept(store, 'a@one.example');
  await defer('two.example', 3_600_000);
  const json = (await run('queue', 'list', '--json')).json();
  expect(json.map((state) => [state['destination'], state['waiting'], state['delayed']])).toEqual([
    ['one.example', 2, 0],
    ['two.example', 0, 1],
  ]);
  const { output } = await run('queue', 'list');
  expect(output).toMatch(/one\.example +2 +0 +0 +0/);
  expect(output).toMatch(/two\.example .*in 59 min/);
  expect(output).toContain('2 destinations: 2 waiting, 0 active, 1 delayed, 0 failed, 0 held');
  expect((await run('queue', 'list', '--limit', '1', '--json')).json()).toHaveLength(1);
});

test('an empty store is said to be empty', async () => {
  expect((await run('queue', 'list')).output).toBe('No mail is waiting.\n');
});

test('show tells the jobs of a destination, and of a message every recipient', async () => {
  const id = await accept(store, 'a@one.example', 'b@two.example');
  await defer('two.example', 3_600_000);
  const destination = await run('queue', 'show', 'Two.Example.');
  expect(destination.output).toContain('two.example: 0 waiting, 0 active, 1 delayed, 0 failed');
  expect(destination.output).toMatch(new RegExp(`${id} +delayed .*sender@example\\.net +452 4\\.3\\.1 full`));
  const message = (await run('queue', 'show', id, '--json')).json()[0];
  expect(message?.['recipients']).toEqual([
    { address: 'a@one.example', state: 'waiting' },
    { address: 'b@two.example', state: 'delayed', nextAttemptAtMs: expect.any(Number) },
  ]);
  expect((await run('queue', 'show', id)).output).toContain(
    `from sender@example.net, ${body.length} bytes, subject 'Hello'`,
  );
  await expect(run('queue', 'show', id.slice(0, -1) + (id.endsWith('a') ? 'b' : 'a'))).rejects.toThrow(
    'There is no message',
  );
  await expect(run('queue', 'show', 'not a domain')).rejects.toThrow('names no destination');
});

test('hold keeps jobs from workers until release', async () => {
  await accept(store, 'a@one.example');
  expect((await run('queue', 'hold', 'one.example')).code).toBe(0);
  expect((await run('queue', 'list')).output).toMatch(/one\.example.*held/);
  await expect(defer('one.example', 1)).rejects.toThrow('nothing to take');
  await run('queue', 'release', 'one.example');
  await defer('one.example', 1);
});

test('deliver-now makes delayed mail due: all of a destination, or one message', async () => {
  await accept(store, 'a@one.example');
  await accept(store, 'b@one.example');
  const other = await accept(store, 'c@two.example');
  for (const destination of ['one.example', 'one.example', 'two.example'])
    await defer(destination, 3_600_000);
  expect((await run('queue', 'deliver-now', 'one.example', '--json')).json()[0]).toMatchObject({
    promoted: 2,
  });
  expect((await run('queue', 'deliver-now', other, '--json')).json()[0]).toMatchObject({ promoted: 1 });
  const states = (await run('queue', 'list', '--json')).json();
  expect(states.map((state) => [state['waiting'], state['delayed']])).toEqual([
    [2, 0],
    [1, 0],
  ]);
});

test('deliver-now opens a bounced message again', async () => {
  const id = await accept(store, 'a@one.example');
  const key = destinationKey('one.example');
  if (!key.ok) throw new Error(key.text);
  const taken = await store.queues.take(key.key);
  if (taken.kind !== 'job') throw new Error('nothing to take');
  await store.spool.record(id, { results: new Map([[0, { state: 'bounced', atMs: 1 }]]), ledger: [] });
  await store.queues.fail(taken.job, { data: taken.job.data, reason: '550 5.1.1' }, false);
  expect((await run('queue', 'list', '--json')).json()[0]).toMatchObject({ failed: 1, waiting: 0 });
  expect((await run('queue', 'deliver-now', id, '--json')).json()[0]).toMatchObject({ promoted: 1 });
  expect((await run('queue', 'list', '--json')).json()[0]).toMatchObject({ failed: 0, waiting: 1 });
  expect((await store.spool.read(id))?.results.size).toBe(0);
});

test('deliver-now tries again what was set aside after crashes, of which nobody has a result', async () => {
  const id = await accept(store, 'a@one.example');
  const key = destinationKey('one.example');
  if (!key.ok) throw new Error(key.text);
  const taken = await store.queues.take(key.key);
  if (taken.kind !== 'job') throw new Error('nothing to take');
  await store.queues.fail(taken.job, { data: taken.job.data, reason: 'quarantined' }, false);
  expect((await run('queue', 'deliver-now', id, '--json')).json()[0]).toMatchObject({ promoted: 1 });
  expect((await run('queue', 'list', '--json')).json()[0]).toMatchObject({ failed: 0, waiting: 1 });
});

test('delete ends every open recipient and leaves no job; what is under way is left alone', async () => {
  const id = await accept(store, 'a@one.example', 'b@two.example');
  expect((await run('queue', 'delete', id, '--json')).json()[0]).toMatchObject({ recipients: 2, active: 0 });
  const record = await store.spool.read(id);
  expect([...(record?.results.values() ?? [])].map((result) => result.state)).toEqual(['deleted', 'deleted']);
  expect((await store.queues.totals()).waiting).toBe(0);

  const held = await accept(store, 'a@one.example');
  const key = destinationKey('one.example');
  if (!key.ok) throw new Error(key.text);
  const taken = await store.queues.take(key.key);
  const refused = await run('queue', 'delete', held);
  expect([refused.code, refused.errors]).toEqual([1, expect.stringContaining('1 deliveries are under way')]);
  expect((await store.spool.read(held))?.results.size).toBe(0);
  if (taken.kind === 'job') await store.queues.complete(taken.job, false);
});

test('deleting a whole destination wants a --yes', async () => {
  for (let count = 0; count < 130; count += 1) await accept(store, `u${count}@one.example`);
  const other = await accept(store, 'a@two.example');
  await expect(run('queue', 'delete', 'one.example')).rejects.toThrow('--yes');
  const done = await run('queue', 'delete', 'one.example', '--yes', '--json');
  expect(done.json()[0]).toMatchObject({ recipients: 130, active: 0 });
  expect((await store.queues.totals()).waiting).toBe(1);
  expect((await store.spool.read(other))?.results.size).toBe(0);
});

test('export writes what is open, byte for byte, and import takes it in once', async () => {
  const id = await accept(store, 'a@one.example', 'b@two.example');
  const done = await accept(store, 'c@one.example');
  await store.spool.record(id, { results: new Map([[1, { state: 'delivered', atMs: 1 }]]), ledger: [] });
  await store.spool.record(done, { results: new Map([[0, { state: 'delivered', atMs: 1 }]]), ledger: [] });
  const out = join(folder, 'out');
  expect((await run('queue', 'export', out)).output).toContain('1 messages exported');
  expect((await readdir(out)).toSorted()).toEqual([`${id}.eml`, `${id}.json`]);
  expect(await readFile(join(out, `${id}.eml`))).toEqual(body);
  const envelope = JSON.parse(await readFile(join(out, `${id}.json`), 'utf8')) as Record<string, unknown>;
  expect(envelope).toMatchObject({
    reversePath: 'sender@example.net',
    recipients: [{ address: 'a@one.example', notify: ['FAILURE'] }],
    body: '8BITMIME',
  });

  expect((await run('queue', 'import', out)).output).toContain('0 messages imported, 1 were here already');
  await redis.client().flushdb();
  await store.clock.start();
  expect((await run('queue', 'import', out)).output).toContain('1 messages imported, 0 were here already');
  expect(await store.spool.readBody(id)).toEqual(body);
  expect((await run('queue', 'list', '--json')).json()).toHaveLength(1);
});

test('import refuses a broken file by name and takes the others', async () => {
  const good = await accept(store, 'a@one.example');
  const bad = await accept(store, 'b@one.example');
  const out = join(folder, 'broken');
  await run('queue', 'export', out);
  await writeFile(join(out, `${bad}.json`), '{"format":1,"reversePath":"x","recipients":[]}');
  await redis.client().flushdb();
  const imported = await run('queue', 'import', out);
  expect(imported.code).toBe(1);
  expect(imported.output).toContain('1 messages imported, 0 were here already, 1 refused');
  expect(imported.errors).toMatch(new RegExp(`${bad}\\.json: recipients: expected .*; smtpUtf8: expected`));
  expect(await store.spool.read(good)).toBeDefined();
});

test('export works from a stopped data folder, and stops what it started', async () => {
  const dataFolder = join(folder, 'data');
  const plain = join(folder, 'embedded.yaml');
  await writeFile(plain, `dataFolder: ${dataFolder}\n`);
  await expect(call('queue', 'list', '--config', plain)).rejects.toThrow(`There is no mail in ${dataFolder}`);
  const path = process.env['PATH'] ?? '';
  const embedded = await startEmbeddedRedis({ dataFolder, path, report: () => {} });
  const settings = await settingsOf(plain);
  const { url, passwordFile } = embedded;
  const local = await openStore(
    { ...settings, redis: { ...settings.redis, url, passwordFile } },
    { purpose: 'console', name: 'test' },
  );
  await accept(local, 'a@one.example');
  expect((await call('queue', 'list', '--config', plain, '--json')).json()).toHaveLength(1);
  await local.close();
  await embedded.stop();
  const exported = await call('queue', 'export', join(folder, 'stopped'), '--config', plain);
  expect(exported.output).toContain('1 messages exported');
  expect(await findRunningRedis(dataFolder)).toBeUndefined();
});
