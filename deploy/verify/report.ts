/** What was checked, a line each; at the end how many held. A check that throws has failed, the others still run. */
import { spawn } from 'node:child_process';

let passed = 0;
const failures: string[] = [];

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Runs one check; resolves to what it returned, or undefined when it failed. */
export async function check<T>(name: string, act: () => T | Promise<T>): Promise<T | undefined> {
  const startedMs = performance.now();
  try {
    const value = await act();
    passed += 1;
    const note = typeof value === 'string' ? ` (${value})` : '';
    say(`  ok    ${name}${note} ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
    return value;
  } catch (error) {
    failures.push(name);
    say(`  FAIL  ${name}\n        ${text(error).replaceAll('\n', '\n        ')}`);
    return undefined;
  }
}

/** The closing lines; sets the exit code. */
export function summary(): void {
  for (const name of failures) say(`failed: ${name}`);
  say(`\n${passed} passed, ${failures.length} failed`);
  if (failures.length > 0) process.exitCode = 1;
}

export function assert(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new Error(sentence);
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  /** Standard output and error as they came. */
  readonly all: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Resolves whatever the exit code; otherwise anything but 0 rejects. */
  readonly mayFail?: boolean;
  readonly limitMs?: number;
}

/** Runs a program to its end at low priority, which its children keep. */
export async function run(program: string, words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn('nice', ['-n', '10', program, ...words], {
    cwd: options.cwd,
    // oxlint-disable-next-line node/no-process-env -- the tools look for their settings and certificates there
    env: { ...process.env, ...options.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let all = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    all += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    all += chunk.toString();
  });
  // A program that ends without reading its input closes the pipe; what it said is what counts.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), options.limitMs ?? 300_000);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => clearTimeout(timer));
  if (code !== 0 && options.mayFail !== true)
    throw new Error(`${program} ${words.slice(0, 4).join(' ')} ended with ${code}:\n${all.slice(-4000)}`);
  return { code, stdout, all };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
