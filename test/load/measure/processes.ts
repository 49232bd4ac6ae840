/**
 * Processes of a benchmark: each is started here, its output goes to a file, and it is ended by its process id. What it cost
 * is read from /proc (Linux only), children that have ended included.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Clock ticks a second in /proc/<pid>/stat: 100 on every Linux that Node supports. */
const ticksPerSecond = 100;

/** A process, or one with its children, whose cost is told under one name. */
export interface Watched {
  readonly name: string;
  readonly processId: number;
}

export interface StartOptions {
  /** Standard output and error are appended here. */
  readonly outputFile: string;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Started extends Watched {
  readonly child: ChildProcess;
  readonly outputFile: string;
  /** What it has written so far. */
  output(): string;
  /** Sends the signal and waits for the end; SIGKILL follows after `graceMs`. */
  end(signal?: NodeJS.Signals, graceMs?: number): Promise<void>;
  /** Resolves with the exit code. */
  finished(): Promise<number>;
}

const running = new Set<ChildProcess>();

/** On Ctrl-C and SIGTERM what was started is ended too: a benchmark leaves nothing behind. */
export function endAllOnInterrupt(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      for (const child of running) child.kill('SIGTERM');
      process.exit(1);
    });
  }
}

/** A child that something else started: it ends with the others on an interrupt. */
export function endOnInterrupt(child: ChildProcess): void {
  running.add(child);
  child.once('exit', () => running.delete(child));
}

/** Starts a program; throws when it cannot be started. */
export async function start(
  name: string,
  command: readonly [string, ...string[]],
  options: StartOptions,
): Promise<Started> {
  const file = openSync(options.outputFile, 'a');
  const [program, ...words] = command;
  const child = spawn(program, words, {
    stdio: ['ignore', file, file],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.environment },
  });
  closeSync(file);
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => {
      running.delete(child);
      resolve(code ?? (signal === null ? 1 : 128));
    });
  });
  await once(child, 'spawn');
  running.add(child);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} did not start`);
  const output = (): string => readFileSync(options.outputFile, 'utf8');
  return {
    name,
    processId: pid,
    child,
    outputFile: options.outputFile,
    output,
    finished: () => ended,
    end: async (signal = 'SIGTERM', graceMs = 10_000) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      const late = sleep(graceMs, 'late' as const, { ref: false });
      if ((await Promise.race([ended, late])) !== 'late') return;
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Waits until `probe` gives a value; ends with what the process wrote when it takes too long. */
export async function untilReady<T>(
  started: Started,
  probe: () => T | undefined,
  limitMs = 20_000,
): Promise<T> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const found = probe();
    if (found !== undefined) return found;
    const { exitCode } = started.child;
    if (exitCode !== null || performance.now() > endMs) {
      const how = exitCode === null ? `is not ready after ${limitMs} ms` : `ended with ${exitCode}`;
      throw new Error(`${started.name} ${how}:\n${started.output().slice(-2000)}`);
    }
    await sleep(20);
  }
}

/** CPU seconds of a process, its live descendants, and children of theirs that have ended. */
export function cpuSeconds(processId: number): number {
  let ticks = 0;
  for (const id of [processId, ...descendants(processId)]) {
    const fields = statFields(id);
    // utime, stime, and cutime, cstime of children that were waited for: proc(5), fields 14 to 17.
    if (fields !== undefined) for (const at of [11, 12, 13, 14]) ticks += Number(fields[at]);
  }
  return ticks / ticksPerSecond;
}

/** Resident memory of a process and its descendants, megabytes. */
export function residentMegabytes(processId: number): number {
  let kilobytes = 0;
  for (const id of [processId, ...descendants(processId)]) {
    const status = readProc(`/proc/${id}/status`);
    kilobytes += Number(/^VmRSS:\s+(\d+)/m.exec(status ?? '')?.[1] ?? 0);
  }
  return kilobytes / 1024;
}

function descendants(processId: number): number[] {
  const parents = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(statFields(Number(entry))?.[1]);
    if (!Number.isInteger(parent)) continue;
    const siblings = parents.get(parent);
    if (siblings === undefined) parents.set(parent, [Number(entry)]);
    else siblings.push(Number(entry));
  }
  const found: number[] = [];
  const waiting = [processId];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const children = parents.get(id) ?? [];
    found.push(...children);
    waiting.push(...children);
  }
  return found;
}

/** Fields of /proc/<pid>/stat from `state` on: what stands before may hold any character. */
function statFields(processId: number): string[] | undefined {
  const stat = readProc(`/proc/${processId}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // it ended meanwhile
  }
}
