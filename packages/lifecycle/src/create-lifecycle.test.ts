import { expect, test } from 'vitest';
import { createLifecycle } from './create-lifecycle.ts';
import type { FromRole, HostProcess, Lifecycle, LifecycleEvent, Timers } from './types.ts';

/** A clock that moves only when told, with the timers that hang on it. */
class ManualTimers implements Timers {
  #nowMs = 0;
  #waiting: { atMs: number; run: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, run };
    this.#waiting.push(entry);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== entry);
    };
  }

  advance(byMs: number): void {
    this.#nowMs += byMs;
    const due = this.#waiting.filter((entry) => entry.atMs <= this.#nowMs);
    this.#waiting = this.#waiting.filter((entry) => entry.atMs > this.#nowMs);
    for (const entry of due) entry.run();
  }
}

class ObservedProcess implements HostProcess {
  readonly exits: number[] = [];
  readonly sent: FromRole[] = [];
  connected = true;
  readonly #listeners = new Map<string, (value: unknown) => void>();

  on(event: string, listener: (value: unknown) => void): void {
    this.#listeners.set(event, listener);
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  send(message: FromRole): void {
    this.sent.push(message);
  }

  emit(event: string, value?: unknown): void {
    this.#listeners.get(event)?.(value);
  }
}

interface Stage {
  readonly life: Lifecycle;
  readonly timers: ManualTimers;
  readonly host: ObservedProcess;
  readonly events: LifecycleEvent[];
}

function begin(supervised = false): Stage {
  const timers = new ManualTimers();
  const host = new ObservedProcess();
  const events: LifecycleEvent[] = [];
  const life = createLifecycle({
    role: 'worker',
    supervised,
    report: (event) => events.push(event),
    timers,
    process: host,
  });
  return { life, timers, host, events };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('is starting, ready, draining and stopped, in this order, and exits with 0', async () => {
  const { life, host, events } = begin();
  const seen: string[] = [life.state()];
  life.listening('health', '127.0.0.1:9464');
  life.ready();
  seen.push(life.state());
  life.onStop({ stage: 'work', name: 'look', limitMs: 100, stop: () => void seen.push(life.state()) });
  host.emit('SIGTERM');
  await life.drain('again');
  seen.push(life.state());
  expect(seen).toEqual(['starting', 'ready', 'draining', 'stopped']);
  expect(host.exits).toEqual([0]);
  expect(events.map((event) => event.kind)).toEqual(['ready', 'draining', 'stopped']);
});

test('runs steps by stage, whatever the order of registration, and side by side within a stage', async () => {
  const { life } = begin();
  const log: string[] = [];
  const step = (stage: 'intake' | 'work' | 'store' | 'report', name: string): void =>
    life.onStop({
      stage,
      name,
      limitMs: 1_000,
      stop: async () => {
        log.push(`${name} begins`);
        await settled();
        log.push(`${name} ends`);
      },
    });
  step('report', 'metrics');
  step('store', 'redis');
  step('intake', 'smtp');
  step('intake', 'http');
  await life.drain('test');
  expect(log).toEqual([
    'smtp begins',
    'http begins',
    'smtp ends',
    'http ends',
    'redis begins',
    'redis ends',
    'metrics begins',
    'metrics ends',
  ]);
});

test('gives a step up after its limit, goes on with the next stage and exits with 1 and one error', async () => {
  const { life, timers, host, events } = begin();
  let storeClosed = false;
  life.onStop({ stage: 'peers', name: 'pool', limitMs: 5_000, stop: () => new Promise(() => {}) });
  life.onStop({
    stage: 'peers',
    name: 'cache',
    limitMs: 5_000,
    stop: () => {
      throw new Error('broken');
    },
  });
  life.onStop({ stage: 'store', name: 'redis', limitMs: 5_000, stop: () => void (storeClosed = true) });
  const drained = life.drain('test');
  await settled();
  timers.advance(4_999);
  await settled();
  expect(storeClosed).toBe(false);
  timers.advance(1);
  await drained;
  expect(storeClosed).toBe(true);
  expect(host.exits).toEqual([1]);
  const end = events.at(-1);
  expect(end?.kind === 'stopped' && end.error?.errors.map((error: Error) => error.message)).toEqual([
    '"pool" did not stop within 5000 ms',
    '"cache" failed to stop',
  ]);
});

test('waits for background work between work and peers', async () => {
  const { life } = begin();
  const log: string[] = [];
  let finish = (): void => {};
  life.background('write-back', new Promise<void>((resolve) => (finish = resolve)));
  expect(life.backgroundCount()).toBe(1);
  life.onStop({ stage: 'work', name: 'streams', limitMs: 100, stop: () => void log.push('work') });
  life.onStop({ stage: 'peers', name: 'pool', limitMs: 100, stop: () => void log.push('peers') });
  const drained = life.drain('test');
  await settled();
  expect(log).toEqual(['work']);
  finish();
  await drained;
  expect(log).toEqual(['work', 'peers']);
  expect(life.backgroundCount()).toBe(0);
});

test('names background work that does not end', async () => {
  const { life, timers, events } = begin();
  life.background('sweeper', new Promise(() => {}));
  const drained = life.drain('test');
  await settled();
  timers.advance(30_000);
  await drained;
  const end = events.at(-1);
  expect(end?.kind === 'stopped' && String(end.error?.errors[0])).toContain('did not end: sweeper');
});

test('a rejection of background work, an uncaught exception and a lost promise each end the process with 1', async () => {
  for (const cause of ['background', 'uncaughtException', 'unhandledRejection']) {
    const { life, host, events } = begin();
    if (cause === 'background') life.background('sweeper', Promise.reject(new Error('lost')));
    else host.emit(cause, new Error('lost'));
    await settled();
    expect(host.exits, cause).toEqual([1]);
    expect(events.at(-1)?.kind, cause).toBe('fatal');
  }
});

test('a second signal hastens, a third one leaves; two within a second are one', async () => {
  const { life, timers, host } = begin();
  life.onStop({
    stage: 'work',
    name: 'delivery',
    limitMs: 60_000,
    stop: () => new Promise(() => {}),
  });
  host.emit('SIGINT');
  timers.advance(999);
  host.emit('SIGINT');
  expect(life.hasten.aborted).toBe(false);
  timers.advance(1);
  host.emit('SIGINT');
  expect(life.hasten.aborted).toBe(true);
  expect(host.exits).toEqual([]);
  timers.advance(1_000);
  host.emit('SIGTERM');
  expect(host.exits).toEqual([143]);
  await settled();
});

test('a supervised role leaves SIGINT to its parent, obeys its messages and drains when it is gone', async () => {
  const first = begin(true);
  first.life.ready();
  first.host.emit('SIGINT');
  expect(first.life.state()).toBe('ready');
  first.host.emit('message', { kind: 'stop', why: 'up stops' });
  expect(first.life.state()).toBe('draining');
  expect(first.host.sent).toEqual([
    { kind: 'ready', role: 'worker', addresses: [] },
    { kind: 'draining', role: 'worker', why: 'up stops' },
  ]);
  first.host.emit('message', { kind: 'hasten' });
  expect(first.life.hasten.aborted).toBe(true);
  await first.life.drain('');
  const second = begin(true);
  second.host.connected = false;
  second.host.emit('disconnect');
  await second.life.drain('');
  expect(second.host.exits).toEqual([0]);
  expect(second.host.sent).toEqual([]);
});

test('a stop during the start is kept: ready comes too late, and steps registered late still run', async () => {
  const { life, host } = begin();
  let closed = false;
  host.emit('SIGTERM');
  life.ready();
  expect(life.state()).toBe('draining');
  life.onStop({
    stage: 'report',
    name: 'metrics',
    limitMs: 100,
    stop: () =>
      life.onStop({ stage: 'intake', name: 'late', limitMs: 100, stop: () => void (closed = true) }),
  });
  await life.drain('');
  expect(closed).toBe(true);
  expect(host.exits).toEqual([0]);
});

test('a stop that nobody wished exits with 1, after every step', async () => {
  const { life, host } = begin();
  let closed = false;
  life.onStop({ stage: 'store', name: 'redis', limitMs: 100, stop: () => void (closed = true) });
  await life.drain('a role does not start', new Error('port in use'));
  expect(closed).toBe(true);
  expect(host.exits).toEqual([1]);
});
