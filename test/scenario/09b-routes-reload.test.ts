/**
 * Acceptance 9, reload: a changed table is taken up by every running process while mail flows, however the file is
 * exchanged; a bad one is refused whole. Nothing is lost, nothing goes where no table in force says.
 */
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSmtpHost, waitFor, type SmtpHost } from '@mailwheel/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { submitMany } from './bulk.ts';
import { messageIdOf, startTier, type LogLine, type RoleProcess, type Tier } from './tier.ts';

let tier: Tier | undefined;
let hosts: SmtpHost[] = [];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailwheel-routes-'));
});

afterEach(async () => {
  await tier?.stop();
  await Promise.all(hosts.map((host) => host.stop()));
  await rm(folder, { recursive: true, force: true });
  tier = undefined;
  hosts = [];
});

async function startHosts(count: number): Promise<SmtpHost[]> {
  hosts = await Promise.all(
    Array.from({ length: count }, async () => startSmtpHost({}, { keepBodies: true })),
  );
  return hosts;
}

/** A way to exchange the file that the processes read. */
interface Publisher {
  readonly path: string;
  publish(text: string): Promise<void>;
}

/** A new file moved over the old one. */
async function byRename(): Promise<Publisher> {
  const path = join(folder, 'smtproutes.txt');
  return {
    path,
    publish: async (text) => {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    },
  };
}

/**
 * As the kubelet does it: the file is a link through `..data` to a folder named by its time; `..data` is exchanged by a
 * rename, and the old folder is removed. The path that the processes read never changes.
 */
async function byConfigMap(): Promise<Publisher> {
  const path = join(folder, 'smtproutes.txt');
  await symlink(join('..data', 'smtproutes.txt'), path);
  let version = 0;
  return {
    path,
    publish: async (text) => {
      const before = join(folder, `..2026_11_24_${version}`);
      version += 1;
      const now = `..2026_11_24_${version}`;
      await mkdir(join(folder, now));
      await writeFile(join(folder, now, 'smtproutes.txt'), text);
      await unlink(join(folder, '..data_tmp')).catch(() => undefined);
      await symlink(now, join(folder, '..data_tmp'));
      await rename(join(folder, '..data_tmp'), join(folder, '..data'));
      await rm(before, { recursive: true, force: true });
    },
  };
}

const subjectsAt = (host: SmtpHost): string[] =>
  host.delivered.map(({ body }) => /^Subject: (.*)\r$/m.exec(body.toString())?.[1] ?? '');

const told = (role: RoleProcess, event: string): LogLine[] =>
  role.lines.filter((line) => line['event'] === event);

/** Publishes and waits until each process has said what it makes of it. */
async function take(publisher: Publisher, text: string, event: string): Promise<void> {
  const roles = tier?.roles ?? [];
  const before = roles.map((role) => told(role, event).length);
  await publisher.publish(text);
  await waitFor(
    `every process to say ${event}`,
    () => roles.every((role, index) => told(role, event).length > (before[index] ?? 0)),
    20_000,
  );
}

describe.each([
  ['a new file moved over the old one', byRename],
  ['a ConfigMap that exchanges its link', byConfigMap],
])('%s', (_name, publisherOf) => {
  test('is taken up under traffic by two workers: nothing lost, doubled or misrouted', async () => {
    const [one, other, steady, all] = (await startHosts(4)) as [SmtpHost, SmtpHost, SmtpHost, SmtpHost];
    const table = (moving: SmtpHost): string =>
      `moving.example 127.0.0.1:${moving.port}\nsteady.example 127.0.0.1:${steady.port}\nALL 127.0.0.1:${all.port}\n`;
    // Whole lines are right, but one is not: the good ones must not come into force either.
    const bad = `moving.example 127.0.0.1:${all.port}\nsteady.example 127.0.0.1:${all.port}\nALL 10.0.0.1 10.0.0.2\n`;
    const publisher = await publisherOf();
    await publisher.publish(table(one));
    const running = await startTier({
      workers: 2,
      settings: { routesFile: publisher.path, routesReloadSeconds: 0.1 },
    });
    tier = running;

    // Mail comes in all the time, however fast the machine is.
    let changing = true;
    let count = 0;
    const flow = async (): Promise<void> => {
      while (changing) {
        const from = count;
        count += 60;
        await submitMany({
          port: running.smtpPort,
          count: 60,
          connections: 4,
          to: (index) => (index % 3 === 0 ? 'a@steady.example' : 'a@moving.example'),
          body: (index) => `Subject: traffic ${from + index}\r\n\r\n`,
        });
      }
    };
    const flowing = flow();
    flowing.catch(() => undefined); // awaited below; a failure before that is the one to be told
    for (let step = 1; step <= 6; step += 1) {
      const now = step % 2 === 0 ? one : other;
      if (step % 3 === 0) {
        await take(publisher, bad, 'routes-refused');
      }
      await take(publisher, table(now), 'routes-reloaded');
      // Every process has the table: from here on a message may not go to the other host.
      const marker = `marker ${step}`;
      await running.submit({
        from: 's@source.test',
        to: 'a@moving.example',
        body: `Subject: ${marker}\r\n\r\n`,
      });
      await waitFor('the marker', () => subjectsAt(now).includes(marker), 20_000);
    }
    changing = false;
    await flowing;

    const expected = [
      ...Array.from({ length: count }, (_, index) => `traffic ${index}`),
      ...Array.from({ length: 6 }, (_, index) => `marker ${index + 1}`),
    ];
    await waitFor(
      'everything',
      () => [one, other, steady].reduce((sum, host) => sum + host.delivered.length, 0) >= expected.length,
      30_000,
    );
    const atSteady = subjectsAt(steady);
    const atMoving = [...subjectsAt(one), ...subjectsAt(other)];
    expect([...atSteady, ...atMoving].toSorted()).toEqual(expected.toSorted());
    expect(atSteady).toHaveLength(count / 3);
    expect(steady.delivered.every((message) => message.recipients[0]?.address === 'a@steady.example')).toBe(
      true,
    );
    // Both had their times, and no message fell through to the broader route or to the refused table.
    expect(subjectsAt(one).some((subject) => subject.startsWith('traffic'))).toBe(true);
    expect(subjectsAt(other).some((subject) => subject.startsWith('traffic'))).toBe(true);
    expect(all.counters.connections).toBe(0);
  }, 80_000);
});

test('a bad line refuses the whole file in every process, by line and column; the old table stays in force', async () => {
  const [before, never] = (await startHosts(2)) as [SmtpHost, SmtpHost];
  const publisher = await byRename();
  const good = `example.com 127.0.0.1:${before.port}\nALL 127.0.0.1:${before.port}\n`;
  await publisher.publish(good);
  tier = await startTier({ settings: { routesFile: publisher.path, routesReloadSeconds: 0.1 } });
  await take(
    publisher,
    `example.com 127.0.0.1:${never.port}\nnew.example 127.0.0.1:${never.port}\nother.example 127.0.0.1:smtp\n# comment\nlast.example USEDNS, 10.0.0.1\n`,
    'routes-refused',
  );
  for (const role of tier.roles) {
    const [refused] = told(role, 'routes-refused');
    const problems = refused?.['problems'] as string[];
    expect(refused).toMatchObject({ file: publisher.path });
    expect(problems).toEqual([
      `${publisher.path}: line 3, column 25: port "smtp" is not between 1 and 65535`,
      `${publisher.path}: line 5, column 14: USEDNS stands alone, without other hosts`,
      'The old table stays in force.',
    ]);
  }
  for (const to of ['a@example.com', 'a@new.example', 'a@other.example']) {
    messageIdOf(await tier.submit({ from: 's@source.test', to }));
  }
  await waitFor('delivery by the old table', () => before.delivered.length === 3);
  expect(never.counters.connections).toBe(0);
  const worker = tier.workers()[0];
  if (worker === undefined) throw new Error('the worker is gone');
  expect(await tier.metrics(worker)).toMatch(/^mailwheel_route_reloads_total\{result="refused"\} 1$/m);

  // Told once, not at every look; a file that is gone is a fault of its own, and the table outlives that, too.
  await rm(publisher.path);
  await waitFor('the missing file to be told', () => told(worker, 'routes-refused').length === 2);
  expect(String(told(worker, 'routes-refused')[1]?.['problems'])).toMatch(/cannot be read: ENOENT/);
  await tier.submit({ from: 's@source.test', to: 'b@example.com' });
  await waitFor('delivery without a file', () => before.delivered.length === 4);
  await take(publisher, `ALL 127.0.0.1:${never.port}\n`, 'routes-reloaded');
  await tier.submit({ from: 's@source.test', to: 'c@example.com' });
  await waitFor('delivery by the repaired table', () => never.delivered.length === 1);
  expect(told(worker, 'routes-refused')).toHaveLength(2);
}, 60_000);
