/** Which events are written, and how they look in each form. */
import { describe, expect, it } from 'vitest';
import {
  chooseFormat,
  createLogger,
  loggedError,
  type LogEvent,
  type Logger,
  type LoggerOptions,
} from '../index.ts';

const atMs = new Date(2026, 7, 2, 9, 5, 1, 250).getTime();

function capture(options: Partial<LoggerOptions>): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const log = createLogger({
    format: 'json',
    level: 'info',
    messages: 'all',
    role: 'worker',
    nowMs: () => atMs,
    ...options,
    destination: { write: (line) => lines.push(line) },
  });
  return { log, lines };
}

const attempt = {
  event: 'attempt',
  mid: 7,
  message: 'm00abc',
  destination: 'example.com',
  attempt: 1,
  host: '10.0.0.1:25',
  dcid: 3,
  phase: 'mail',
  outcome: 'next-host',
  rids: [0],
  reply: '452 4.3.1 Insufficient system resources',
  durationMs: 4,
} as const satisfies LogEvent;

describe('JSON lines', () => {
  it('begin with level, time, role and event, and keep numbers as numbers', () => {
    const { log, lines } = capture({});
    log.event(attempt);
    expect(lines[0]).toMatch(
      /^\{"level":"info","time":"2026-\d\d-\d\dT\d\d:\d\d:01\.250Z","role":"worker","event":"attempt",/,
    );
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ ...attempt });
  });

  it('tell every listening address when ready', () => {
    const { log, lines } = capture({ role: 'up' });
    log.event({ event: 'ready', listening: { smtp: '127.0.0.1:2525', metrics: '127.0.0.1:9463' } });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      event: 'ready',
      listening: { smtp: '127.0.0.1:2525', metrics: '127.0.0.1:9463' },
    });
  });

  it('carry nothing invisible from a peer', () => {
    const { log, lines } = capture({});
    log.event({ ...attempt, reply: '250 \u009b31m\u202e' });
    log.event({ event: 'routes-refused', file: 'f', problems: ['line 1: \u009b'] });
    expect(lines.join('')).not.toMatch(/[\u0080-\u009f\u202e]/);
  });

  it('tell an error by message, code and causes, and nothing else it carries', () => {
    const cause = Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED', password: 'hunter2' });
    const { log, lines } = capture({});
    log.event({ event: 'error', what: 'Redis', error: loggedError(new Error('no connection', { cause })) });
    const record: unknown = JSON.parse(lines[0] ?? '');
    expect(record).toMatchObject({
      level: 'error',
      error: { message: 'no connection', cause: { message: 'connect refused', code: 'ECONNREFUSED' } },
    });
    expect(lines[0]).not.toContain('hunter2');
    expect(JSON.stringify(record)).toContain(String.raw`\n    at `);
  });

  it('survive an error that causes itself', () => {
    const error = new Error('a');
    error.cause = error;
    expect(loggedError(error).cause?.cause?.cause).toEqual({ message: 'a' });
    expect(loggedError('text')).toEqual({ message: 'text' });
  });
});

describe('choosing what is written', () => {
  const delivered: LogEvent = { ...attempt, outcome: 'delivered' };
  const closed: LogEvent = { event: 'dcid-close', dcid: 3 };
  const note: LogEvent = { event: 'note', text: 'hello' };
  const alarm: LogEvent = { event: 'oddity', what: 'reply', details: '777' };

  it.each([
    [{ messages: 'all' }, ['attempt', 'attempt', 'dcid-close', 'note', 'oddity']],
    [{ messages: 'failures' }, ['attempt', 'note', 'oddity']],
    [{ messages: 'none' }, ['note', 'oddity']],
    [{ level: 'warn' }, ['oddity']],
    [{ level: 'error' }, []],
  ] as const)('%j', (options, names) => {
    const { log, lines } = capture(options);
    for (const event of [attempt, delivered, closed, note, alarm]) log.event(event);
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(names);
  });

  it('can be asked before a costly event is made', () => {
    const { log } = capture({ messages: 'failures' });
    expect([log.wants('subject'), log.wants('bounced'), log.wants('ready')]).toEqual([false, true, true]);
  });
});

describe('lines for a terminal', () => {
  it('show the scenario of two hosts as it happens, without noise', () => {
    const { log, lines } = capture({ format: 'pretty' });
    log.event({ event: 'message-start', mid: 1, icid: 1 });
    log.event({
      event: 'connection-error',
      dcid: 1,
      domain: 'example.com',
      address: '127.0.0.2',
      port: 2526,
      details: '452 4.3.1 Insufficient system resources',
      interfaceAddress: '127.0.0.1',
      reason: 'unexpected SMTP response',
    });
    log.event({
      event: 'host-state',
      host: '127.0.0.2:2526',
      from: 'healthy',
      to: 'unhealthy',
      restMs: 15_000,
    });
    log.event({ event: 'message-done', dcid: 2, mid: 1, rids: [0] });
    expect(lines).toEqual([
      '09:05:01 worker  Connection Error: DCID 1 domain: example.com IP: 127.0.0.2 port: 2526 details: 452 4.3.1 Insufficient system resources interface: 127.0.0.1 reason: unexpected SMTP response\n',
      '09:05:01 worker  Host 127.0.0.2:2526 healthy -> unhealthy for 15 s\n',
      '09:05:01 worker  Message done DCID 2 MID 1 to RID [0]\n',
    ]);
  });

  it('are coloured only when asked', () => {
    const { log, lines } = capture({ format: 'pretty', colour: true });
    log.event({ event: 'message-done', dcid: 2, mid: 1, rids: [0] });
    expect(lines[0]).toContain('\u001b[32mMessage done');
  });

  it('have a text for every operational event', () => {
    const { log, lines } = capture({ format: 'pretty' });
    const events: LogEvent[] = [
      { event: 'destination-rests', destination: 'example.com', forMs: 2500, cause: 'every host rests' },
      { event: 'routes-reloaded', routes: 3, file: 'routes.txt' },
      { event: 'routes-refused', file: 'routes.txt', problems: ['line 2: no host'] },
      { event: 'quarantined', mid: 7, destination: 'example.com', starts: 5 },
      {
        event: 'unknown-outcome',
        mid: 7,
        dcid: 3,
        host: '10.0.0.1:25',
        rids: [0],
        details: 'connection lost',
      },
      { event: 'accept-unknown', message: 'm00abc', details: 'time-out' },
      { event: 'operator-act', by: 'admin', act: 'pause', on: 'example.com', result: 'done' },
      { event: 'unsafe-listener', listen: '0.0.0.0:3000', details: 'no login' },
      { event: 'warning', text: 'clock differs' },
      { event: 'started', version: '0.1.0', pid: 7 },
      { event: 'ready', listening: { smtp: '127.0.0.1:2525' } },
      { event: 'draining', why: 'SIGTERM' },
      { event: 'stopped', durationMs: 120 },
      {
        event: 'error',
        what: 'Redis',
        error: { message: 'gone', code: 'ECONNRESET', cause: { message: 'killed' } },
      },
    ];
    for (const event of events) log.event(event);
    expect(lines.map((line) => line.slice(17, -1))).toEqual([
      'Destination example.com rests for 2.5 s: every host rests',
      'Routes reloaded from routes.txt: 3 routes',
      'Routes refused, the old ones stay in force: routes.txt: line 2: no host',
      'MID 7 quarantined for example.com: its worker vanished 5 times',
      'MID 7 to RID [0] DCID 3 outcome unknown at 10.0.0.1:25: connection lost',
      'Message m00abc was answered 451 but may be stored: time-out',
      'Operator admin: pause example.com: done',
      'Unsafe listener 0.0.0.0:3000: no login',
      'clock differs',
      'Started, version 0.1.0, process 7',
      'Ready: smtp 127.0.0.1:2525',
      'Draining: SIGTERM',
      'Stopped after 0.1 s',
      'Redis: gone (ECONNRESET), because: killed',
    ]);
  });
});

describe('choosing the form', () => {
  it('is for people on a terminal and for machines elsewhere, unless told', () => {
    expect(chooseFormat('auto', true)).toBe('pretty');
    expect(chooseFormat('auto', false)).toBe('json');
    expect(chooseFormat('mail_logs', true)).toBe('mail_logs');
  });
});
