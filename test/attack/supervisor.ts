/** Starts the roles of an attacked tier and starts them again when they end, as an orchestrator would; notes how they ended. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Place } from './layout.ts';
import type { Role } from './plan.ts';
import type { EndRecord } from './records.ts';

const program = fileURLToPath(new URL('../../apps/cli/bin/mailwheel.mjs', import.meta.url));
/** Before a process that ended by itself is started again. */
const backoffMs = 500;

export class Slot {
  readonly name: string;
  readonly role: Role;
  readonly #at: Place;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #onEnd: (end: EndRecord) => void;
  #child: ChildProcess | undefined;
  #wanted = true;
  #ready = false;
  #asked: 'asked' | 'killed' | undefined;
  #downMs = 0;
  /** When it was told to end. */
  #wasReady = false;

  constructor(
    at: Place,
    who: {
      readonly name: string;
      readonly role: Role;
      readonly environment: Readonly<Record<string, string>>;
    },
    onEnd: (end: EndRecord) => void,
  ) {
    this.name = who.name;
    this.role = who.role;
    this.#at = at;
    this.#environment = who.environment;
    this.#onEnd = onEnd;
  }

  get alive(): boolean {
    return this.#child !== undefined;
  }

  /** Told to end, or about to: no second fault for one process. */
  get doomed(): boolean {
    return this.#asked !== undefined;
  }

  get ready(): boolean {
    return this.#ready;
  }

  get #log(): string {
    return join(this.#at.folder, `${this.name}.log`);
  }

  start(): void {
    if (!this.#wanted || this.#child !== undefined) return;
    const log = openSync(this.#log, 'a');
    const child = spawn(
      process.execPath,
      [program, this.role, '--config', join(this.#at.folder, 'mailwheel.yaml')],
      { stdio: ['ignore', log, log], env: { ...process.env, ...this.#environment } },
    );
    const logStart = fstatSync(log).size;
    closeSync(log);
    this.#child = child;
    this.#ready = false;
    this.#asked = undefined;
    void this.#awaitReady(child, logStart);
    child.once('exit', (code, signal) => this.#ended(code, signal));
  }

  kill(downMs: number): void {
    this.#asked = 'killed';
    this.#downMs = downMs;
    this.#child?.kill('SIGKILL');
  }

  terminate(downMs: number): void {
    this.#asked = 'asked';
    this.#wasReady = this.#ready;
    this.#downMs = downMs;
    this.#child?.kill('SIGTERM');
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): ChildProcess | undefined {
    this.#child?.kill(signal);
    return this.#child;
  }

  /** For the end of the attack itself. */
  abandon(): void {
    this.#wanted = false;
    this.#child?.kill('SIGKILL');
  }

  /** Ends it for good, the way an orchestrator does: SIGTERM, and SIGKILL when that takes too long. */
  async stop(limitMs: number): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (child === undefined) return;
    this.#asked ??= 'asked';
    const gone = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    });
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    await gone;
    clearTimeout(timer);
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    const asked = this.#asked;
    this.#onEnd({
      kind: 'end',
      victim: this.name,
      atMs: Date.now(),
      code,
      signal,
      ready: asked === undefined ? this.#ready : this.#wasReady,
      why: asked ?? (this.#ready ? 'by-itself' : 'unready'),
    });
    this.#child = undefined;
    this.#ready = false;
    setTimeout(() => this.start(), asked === undefined ? backoffMs : this.#downMs);
    this.#downMs = 0;
  }

  /** @param logStart bytes of the log that were there before this process. */
  async #awaitReady(child: ChildProcess, logStart: number): Promise<void> {
    const buffer = Buffer.alloc(65_536);
    while (this.#child === child && !this.#ready) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const log = await open(this.#log);
      const { bytesRead } = await log.read(buffer, 0, buffer.length, logStart);
      await log.close();
      const isReady = buffer.subarray(0, bytesRead).includes('"event":"ready"');
      if (this.#child === child && isReady) this.#ready = true;
    }
  }
}

export function slotsOf(at: Place, onEnd: (end: EndRecord) => void): Slot[] {
  const slots = at.ingresses.map(
    ({ name, smtpPort, httpPort }) =>
      new Slot(
        at,
        {
          name,
          role: 'ingress',
          environment: {
            MAILWHEEL__INGRESS__SMTP__LISTEN: `127.0.0.1:${smtpPort}`,
            MAILWHEEL__INGRESS__HTTP__LISTEN: `127.0.0.1:${httpPort}`,
          },
        },
        onEnd,
      ),
  );
  for (let index = 0; index < at.plan.workers; index += 1) {
    const name = `worker-${index}`;
    // The hosts see by the name in EHLO which worker it is.
    const environment = { MAILWHEEL__HOSTNAME: `${name}.relay.attack.test` };
    slots.push(new Slot(at, { name, role: 'worker', environment }, onEnd));
  }
  slots.push(new Slot(at, { name: 'console-0', role: 'console', environment: {} }, onEnd));
  return slots;
}
