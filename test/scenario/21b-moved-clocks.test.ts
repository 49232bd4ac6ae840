/** Issue 3, time: the wall clock of one process is an hour off, from its start or of a sudden. Nothing is lost, nothing floods. */
import { startSmtpHost, waitFor, type SmtpHost } from '@mailwheel/testkit';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { submitMany } from './bulk.ts';
import { startTier, type RoleName, type RoleProcess, type Tier } from './tier.ts';

// Processes start slowly where others work too.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const hourMs = 3_600_000;
const preload = new URL('moved-clock.ts', import.meta.url).href;

let folder: string;
let clockFile: string;
let host: SmtpHost;
let tier: Tier;
/** Given to the roles that are started from now on. */
const environment: Record<string, string> = {};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailwheel-clock-'));
  clockFile = join(folder, 'moved');
  await moveClock(0);
  host = await startSmtpHost();
  tier = await startTier({
    routes: `example.com 127.0.0.1:${host.port}`,
    workers: 0,
    ingress: false,
    environment,
    settings: { retry: { firstWaitSeconds: 3, longestWaitSeconds: 3, maxAgeSeconds: 1_800, jitter: 0 } },
  });
});

afterEach(async () => {
  await tier.stop();
  await host.stop();
  await rm(folder, { recursive: true });
});

async function moveClock(ms: number): Promise<void> {
  await writeFile(clockFile, String(ms));
}

/** A role whose clock `moveClock` sets. */
async function startMoved(role: RoleName): Promise<RoleProcess> {
  environment['NODE_OPTIONS'] = `--import ${preload}`;
  environment['TEST_CLOCK_FILE'] = clockFile;
  environment['MAILWHEEL__HOSTNAME'] = 'moved.test';
  try {
    return await tier.startRole(role);
  } finally {
    for (const name of Object.keys(environment)) delete environment[name];
  }
}

async function isReady(role: RoleProcess): Promise<boolean> {
  return (await fetch(`http://${role.addresses['metrics']}/readyz`)).ok;
}

function submit(count: number): Promise<string[]> {
  return submitMany({ port: tier.smtpPort, count, to: (index) => `user${index}@example.com` });
}

function everybodyOnce(count: number): void {
  const came = host.delivered.flatMap((one) => one.recipients.map(({ address }) => address));
  expect(came).toHaveLength(count);
  expect(new Set(came).size).toBe(count);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.each([
  ['an hour ahead', hourMs],
  ['an hour behind', -hourMs],
])('%s', (_name, movedMs) => {
  test('a worker is not ready and fetches nothing; the other one delivers everything, deferred mail not early', async () => {
    await moveClock(movedMs);
    const moved = await startMoved('worker');
    await tier.startRole('ingress');
    await tier.startRole('worker');
    const first = new Map<string, number>();
    const waits: number[] = [];
    host.behave({
      rcpt: ({ address }) => {
        const before = first.get(address);
        if (before !== undefined) waits.push(performance.now() - before);
        else first.set(address, performance.now());
        return before === undefined ? '450 4.2.1 mailbox is busy' : undefined;
      },
    });
    await submit(40);
    await waitFor('the deliveries', () => host.delivered.length >= 40, 15_000);
    everybodyOnce(40);
    expect(Math.min(...waits)).toBeGreaterThan(2_500);
    expect(host.connections.filter(({ heloName }) => heloName === 'moved.test')).toEqual([]);
    expect(await isReady(moved)).toBe(false);
    await moveClock(0);
    await waitFor('the worker to be ready', () => isReady(moved), 10_000);
  });

  test('an ingress accepts, nothing expires or waits for it', async () => {
    await moveClock(movedMs);
    await startMoved('ingress');
    await tier.startRole('worker');
    await submit(20);
    await waitFor('the deliveries', () => host.delivered.length >= 20);
    everybodyOnce(20);
  });

  test('of a sudden, at work: what is in flight ends, nothing is tried early or an hour late', async () => {
    await tier.startRole('ingress');
    await startMoved('worker');
    const asked = new Map<string, number>();
    let jumped = false;
    let askedAfterJump = 0;
    host.behave({
      rcpt: ({ address }) => {
        const times = (asked.get(address) ?? 0) + 1;
        asked.set(address, times);
        if (jumped) askedAfterJump += 1;
        return times === 1 ? { delayMs: 20, reply: '450 4.2.1 mailbox is busy' } : undefined;
      },
    });
    await submit(300);
    await waitFor('the work to be under way', () => asked.size >= 30);
    await moveClock(movedMs);
    await pause(250);
    jumped = true;
    await pause(4_500);
    // More than the first wait: by the moved clock all that was deferred is due (ahead), or was never (behind).
    expect(askedAfterJump).toBeLessThan(25);
    jumped = false;
    await moveClock(0);
    await waitFor('the deliveries', () => host.delivered.length >= 300, 30_000);
    everybodyOnce(300);
  });
});
