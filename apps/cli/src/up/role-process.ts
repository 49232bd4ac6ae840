/**
 * One role as a child process of `up`: started, told its settings, restarted with growing waits when it dies, stopped when
 * asked. The child writes to our own standard output (inherited: a log line costs `up` nothing, and survives it).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { processTimers, type FromRole, type Timers, type ToRole } from '@mailwheel/lifecycle';
import type { Settings } from '@mailwheel/settings';
import type { RoleName } from '../role.ts';
import type { SettingsMessage } from './settings-message.ts';

export type RoleEvent =
  | { readonly kind: 'ready'; readonly role: RoleName; readonly restarted: boolean }
  | { readonly kind: 'died'; readonly role: RoleName; readonly how: string; readonly restartInMs: number }
  | { readonly kind: 'killed'; readonly role: RoleName; readonly afterMs: number };

export interface RoleProcessOptions {
  readonly role: RoleName;
  readonly settings: Settings;
  readonly report: (event: RoleEvent) => void;
  /** Program and first arguments; default: this program with the role's name. */
  readonly command?: readonly [string, ...string[]];
  readonly timers?: Timers;
  /** Waits before a restart, doubling; the first again after a minute of life. */
  readonly firstRestartMs?: number;
  readonly longestRestartMs?: number;
  /** A role that dies this often before it was ever ready will not start at all, */
  readonly startTriesMax?: number;
  /** unless this has not passed yet: roles of a killed `up` may still drain, and hold its ports. Default 0. */
  readonly startPatienceMs?: number;
}

const healthyMs = 60_000;
/** Somebody waits for the first start. */
const longestStartWaitMs = 2_000;

/**
 * States: `idle` (not started, or ended for good), `running`, `waiting` (dead, to be restarted), `stopping`.
 * Moves: idle -> running ; running -> waiting | stopping | idle ; waiting -> running | idle ; stopping -> idle.
 */
type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running' | 'stopping'; readonly child: ChildProcess; readonly sinceMs: number }
  | { readonly kind: 'waiting'; readonly cancel: () => void };

export class RoleProcess {
  readonly role: RoleName;
  readonly #options: RoleProcessOptions;
  readonly #timers: Timers;
  readonly #command: readonly [string, ...string[]];
  readonly #firstReady: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  #state: State = { kind: 'idle' };
  #addresses: ReadonlyMap<string, string> = new Map();
  #everReady = false;
  #failedStarts = 0;
  #firstStartMs: number | undefined;
  #restartMs: number;

  constructor(options: RoleProcessOptions) {
    this.role = options.role;
    this.#options = options;
    this.#timers = options.timers ?? processTimers;
    this.#restartMs = this.#firstRestartMs();
    const program = fileURLToPath(new URL('../../bin/mailwheel.mjs', import.meta.url));
    this.#command = options.command ?? [process.execPath, program, options.role];
    this.#firstReady.promise.catch(() => {}); // who stops before it was ready does not wait for it
  }

  /** Resolves when the role is ready for the first time; rejects when it will not start, or was stopped before. */
  start(): Promise<void> {
    if (this.#state.kind === 'idle') this.#spawn();
    return this.#firstReady.promise;
  }

  /** Where the role listens; empty before it is ready. */
  addresses(): ReadonlyMap<string, string> {
    return this.#addresses;
  }

  processId(): number | undefined {
    return 'child' in this.#state ? this.#state.child.pid : undefined;
  }

  /** Asks the role to drain and waits for its end; after `limitMs` it is killed. What it held is recovered by others. */
  async stop(request: { readonly why: string; readonly limitMs: number }): Promise<void> {
    this.#firstReady.reject(new Error(`${this.role} was stopped before it was ready`));
    const state = this.#state;
    if (state.kind === 'waiting') state.cancel();
    if (state.kind !== 'running') {
      if (state.kind !== 'stopping') this.#end();
      return this.#ended.promise;
    }
    this.#state = { ...state, kind: 'stopping' };
    const { child } = state;
    tell(child, { kind: 'stop', why: request.why });
    const cancel = this.#timers.after(request.limitMs, () => {
      this.#options.report({ kind: 'killed', role: this.role, afterMs: request.limitMs });
      child.kill('SIGKILL');
    });
    await this.#ended.promise;
    cancel();
  }

  /** Passes a second signal on. */
  hasten(): void {
    if ('child' in this.#state) tell(this.#state.child, { kind: 'hasten' });
  }

  #spawn(): void {
    const [program, ...words] = this.#command;
    const child = spawn(program, [...words, '--supervised'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const nowMs = this.#timers.nowMs();
    this.#firstStartMs ??= nowMs;
    this.#state = { kind: 'running', child, sinceMs: nowMs };
    child.on('message', (message) => this.#onMessage(message as FromRole));
    // Exactly one of the two ends a life: 'error' without a process, 'exit' with one.
    child.once('error', (error) => (child.pid === undefined ? this.#onEnd(error.message) : undefined));
    child.once('exit', (code, signal) => this.#onEnd(signal ?? `exit code ${code}`));
    tell(child, { kind: 'settings', settings: this.#options.settings });
  }

  #onMessage(message: FromRole): void {
    if (message.kind !== 'ready') return;
    this.#addresses = new Map(message.addresses);
    this.#options.report({ kind: 'ready', role: this.role, restarted: this.#everReady });
    this.#everReady = true;
    this.#firstReady.resolve();
  }

  #onEnd(how: string): void {
    const state = this.#state;
    if (state.kind !== 'running') return this.#end();
    const nowMs = this.#timers.nowMs();
    if (!this.#everReady && this.#givesUp(nowMs)) {
      this.#firstReady.reject(new Error(`${this.role} does not start (${how}); what it said is above`));
      return this.#end();
    }
    if (nowMs - state.sinceMs > healthyMs) this.#restartMs = this.#firstRestartMs();
    const restartInMs = this.#restartMs;
    const longestMs = this.#everReady ? (this.#options.longestRestartMs ?? 30_000) : longestStartWaitMs;
    this.#restartMs = Math.min(2 * restartInMs, longestMs);
    this.#options.report({ kind: 'died', role: this.role, how, restartInMs });
    this.#state = { kind: 'waiting', cancel: this.#timers.after(restartInMs, () => this.#spawn()) };
  }

  #givesUp(nowMs: number): boolean {
    this.#failedStarts += 1;
    if (this.#failedStarts < (this.#options.startTriesMax ?? 3)) return false;
    return nowMs - (this.#firstStartMs ?? nowMs) >= (this.#options.startPatienceMs ?? 0);
  }

  #end(): void {
    this.#state = { kind: 'idle' };
    this.#ended.resolve();
  }

  #firstRestartMs(): number {
    return this.#options.firstRestartMs ?? 500;
  }
}

/** A child that is gone, or goes while we write, is told by 'exit'. */
function tell(child: ChildProcess, message: ToRole | SettingsMessage): void {
  if (child.connected) child.send(message, () => {});
}
