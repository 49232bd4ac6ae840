import { fileURLToPath } from 'node:url';
import { parseSettings, resolveFor, type Settings } from '@mailwheel/settings';
import { waitFor } from '@mailwheel/testkit';
import { afterEach, expect, test } from 'vitest';
import { RoleProcess, type RoleEvent, type RoleProcessOptions } from './role-process.ts';

let started: RoleProcess[] = [];

afterEach(async () => {
  await Promise.all(started.map((role) => role.stop({ why: 'test over', limitMs: 100 })));
  started = [];
});

function settings(): Settings {
  const parsed = parseSettings({ yaml: 'hostname: told.example', environment: {} });
  if (!parsed.ok) throw new Error('the settings are good');
  return resolveFor('up', parsed.settings);
}

function role(
  how: string,
  over: Partial<RoleProcessOptions> = {},
): { process: RoleProcess; events: RoleEvent[] } {
  const events: RoleEvent[] = [];
  const fixture = fileURLToPath(new URL('../../fixture/role.ts', import.meta.url));
  const process_ = new RoleProcess({
    role: 'worker',
    settings: settings(),
    report: (event) => events.push(event),
    command: [process.execPath, fixture, how],
    firstRestartMs: 20,
    longestRestartMs: 80,
    ...over,
  });
  started.push(process_);
  return { process: process_, events };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('starts a role, tells it its settings and learns its addresses', async () => {
  const { process: worker } = role('plain');
  await worker.start();
  expect(worker.addresses().get('host')).toBe('told.example');
  expect(worker.addresses().get('pid')).toBe(String(worker.processId()));
});

test('a dead role is started again, and tells its new addresses', async () => {
  const { process: worker, events } = role('plain');
  await worker.start();
  const first = worker.processId() ?? 0;
  process.kill(first, 'SIGKILL');
  await waitFor('the restart', () => events.filter((event) => event.kind === 'ready').length === 2);
  expect(events).toEqual([
    { kind: 'ready', role: 'worker', restarted: false },
    { kind: 'died', role: 'worker', how: 'SIGKILL', restartInMs: 20 },
    { kind: 'ready', role: 'worker', restarted: true },
  ]);
  expect(worker.processId()).not.toBe(first);
  expect(worker.addresses().get('pid')).toBe(String(worker.processId()));
});

test('a role that never becomes ready fails the start after three tries with growing waits', async () => {
  const { process: worker, events } = role('never-ready');
  await expect(worker.start()).rejects.toThrow('worker does not start (exit code 3)');
  expect(events.map((event) => event.kind === 'died' && event.restartInMs)).toEqual([20, 40]);
});

test('with patience it tries for longer, as long as ports may be held by roles that still drain', async () => {
  let nowMs = 0;
  const died: number[] = [];
  const { process: worker } = role('never-ready', {
    startTriesMax: 1,
    startPatienceMs: 400,
    timers: {
      nowMs: () => nowMs,
      after: (_delayMs, run) => {
        const timer = setTimeout(run, 1);
        return () => clearTimeout(timer);
      },
    },
    report: () => {
      died.push(nowMs);
      nowMs += 150;
    },
  });
  await expect(worker.start()).rejects.toThrow('does not start');
  expect(died).toEqual([0, 150, 300]);
});

test('stop drains the role and leaves no process', async () => {
  const { process: worker, events } = role('plain');
  await worker.start();
  const pid = worker.processId() ?? 0;
  await worker.stop({ why: 'test', limitMs: 10_000 });
  expect(isAlive(pid)).toBe(false);
  expect(events.some((event) => event.kind === 'died' || event.kind === 'killed')).toBe(false);
});

test('a role that does not stop in time is killed', async () => {
  const { process: worker, events } = role('hangs');
  await worker.start();
  const pid = worker.processId() ?? 0;
  await worker.stop({ why: 'test', limitMs: 200 });
  expect(isAlive(pid)).toBe(false);
  expect(events.at(-1)).toEqual({ kind: 'killed', role: 'worker', afterMs: 200 });
});

test('hasten shortens a slow stop', async () => {
  const { process: worker, events } = role('slow');
  await worker.start();
  const stopped = worker.stop({ why: 'test', limitMs: 15_000 });
  worker.hasten();
  await stopped;
  expect(events.some((event) => event.kind === 'killed')).toBe(false);
});

test('stopping while it waits for its restart ends it for good', async () => {
  const { process: worker, events } = role('plain');
  await worker.start();
  process.kill(worker.processId() ?? 0, 'SIGKILL');
  await waitFor('its death', () => events.some((event) => event.kind === 'died'));
  await worker.stop({ why: 'test', limitMs: 5_000 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(events.filter((event) => event.kind === 'ready')).toHaveLength(1);
});
