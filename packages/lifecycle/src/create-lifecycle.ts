/**
 * The state machine of a process's life. Promises: steps run in the order of `stopStages`, each at most `limitMs`; the
 * process always ends after a drain, with 0, or with 1 and one aggregate error; an uncaught exception or a lost promise
 * ends it at once with 1, because what the process believes can no longer be trusted and everything it held is recovered
 * by others (locks, the due index).
 */
import { runStopStage } from './stop-stage.ts';
import { processTimers, thisProcess } from './surroundings.ts';
import {
  stopStages,
  type HostProcess,
  type Lifecycle,
  type LifecycleEvent,
  type LifecycleOptions,
  type LifecycleState,
  type StopStage,
  type StopStep,
  type Timers,
  type ToRole,
} from './types.ts';

const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;
type StopSignal = keyof typeof signalNumbers;

/** Creates the life of this process and listens for its end: signals, lost promises, a parent that is gone. */
export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const life = new ProcessLife(options);
  life.listen();
  return life;
}

class ProcessLife implements Lifecycle {
  readonly role: string;
  readonly supervised: boolean;
  readonly #report: (event: LifecycleEvent) => void;
  readonly #timers: Timers;
  readonly #process: HostProcess;
  readonly #sameSignalMs: number;
  readonly #backgroundLimitMs: number;
  readonly #drainingControl = new AbortController();
  readonly #hastenControl = new AbortController();
  readonly #addresses = new Map<string, string>();
  readonly #background = new Map<Promise<unknown>, string>();
  #steps: StopStep[] = [];
  #state: LifecycleState = 'starting';
  #drained: Promise<void> | undefined;
  #lastSignalMs = Number.NEGATIVE_INFINITY;

  constructor(options: LifecycleOptions) {
    this.role = options.role;
    this.supervised = options.supervised;
    this.#report = options.report;
    this.#timers = options.timers ?? processTimers;
    this.#process = options.process ?? thisProcess();
    this.#sameSignalMs = options.sameSignalMs ?? 1_000;
    this.#backgroundLimitMs = options.backgroundLimitMs ?? 30_000;
  }

  get draining(): AbortSignal {
    return this.#drainingControl.signal;
  }

  get hasten(): AbortSignal {
    return this.#hastenControl.signal;
  }

  state(): LifecycleState {
    return this.#state;
  }

  listen(): void {
    this.#process.on('SIGTERM', () => this.#onSignal('SIGTERM'));
    // A Ctrl-C reaches the whole process group. A supervised role leaves it to `up`, which keeps the stop order.
    this.#process.on('SIGINT', () => (this.supervised ? undefined : this.#onSignal('SIGINT')));
    this.#process.on('uncaughtException', (error) => this.fail(error));
    this.#process.on('unhandledRejection', (reason) => this.fail(reason));
    if (!this.supervised) return;
    this.#process.on('disconnect', () => void this.drain('the parent process is gone'));
    this.#process.on('message', (message) => this.#onMessage(message as ToRole));
  }

  onStop(step: StopStep): void {
    this.#steps.push(step);
  }

  background(name: string, work: Promise<unknown>): void {
    const counted: Promise<unknown> = work.then(
      () => this.#background.delete(counted),
      (error: unknown) => {
        this.#background.delete(counted);
        this.fail(new Error(`background work "${name}" failed`, { cause: error }));
      },
    );
    this.#background.set(counted, name);
  }

  backgroundCount(): number {
    return this.#background.size;
  }

  listening(name: string, address: string): void {
    this.#addresses.set(name, address);
  }

  addresses(): ReadonlyMap<string, string> {
    return this.#addresses;
  }

  ready(): void {
    if (this.#state !== 'starting') return; // a signal came while the role was starting: the drain goes on
    this.#state = 'ready';
    this.#report({ kind: 'ready', role: this.role, addresses: this.#addresses });
    this.#tellParent({ kind: 'ready', role: this.role, addresses: [...this.#addresses] });
  }

  drain(why: string, failure?: Error): Promise<void> {
    this.#drained ??= this.#runDrain(why, failure);
    return this.#drained;
  }

  fail(error: unknown): void {
    this.#state = 'stopped';
    this.#report({ kind: 'fatal', role: this.role, error: asError(error) });
    this.#process.exit(1);
  }

  #onSignal(signal: StopSignal): void {
    const nowMs = this.#timers.nowMs();
    if (this.#state === 'stopped' || nowMs - this.#lastSignalMs < this.#sameSignalMs) return;
    this.#lastSignalMs = nowMs;
    if (this.#state !== 'draining') void this.drain(signal);
    else if (this.hasten.aborted) this.#process.exit(128 + signalNumbers[signal]);
    else this.#hastenNow(signal);
  }

  #onMessage(message: ToRole): void {
    if (message.kind === 'stop') void this.drain(message.why);
    else if (message.kind === 'hasten') this.#hastenNow('the parent process hastens');
  }

  #hastenNow(why: string): void {
    void this.drain(why);
    if (this.hasten.aborted) return;
    this.#report({ kind: 'hastened', role: this.role, why });
    this.#hastenControl.abort(new Error(why));
  }

  async #runDrain(why: string, failure: Error | undefined): Promise<void> {
    const startedMs = this.#timers.nowMs();
    this.#state = 'draining';
    this.#report({ kind: 'draining', role: this.role, why });
    this.#tellParent({ kind: 'draining', role: this.role, why });
    this.#drainingControl.abort(new Error(why));
    const errors: Error[] = failure === undefined ? [] : [failure];
    do {
      for (const stage of stopStages) {
        errors.push(...(await this.#runStage(stage)));
        if (stage === 'work') errors.push(...(await this.#awaitBackground()));
      }
    } while (this.#steps.length > 0);
    if (this.#state !== 'draining') return; // `fail` has ended it meanwhile
    this.#state = 'stopped';
    const durationMs = this.#timers.nowMs() - startedMs;
    if (errors.length === 0) {
      this.#report({ kind: 'stopped', role: this.role, durationMs });
      this.#process.exit(0);
    } else {
      const sentences = errors.map((one) => one.message).join('; ');
      const error = new AggregateError(errors, `${this.role} did not end well: ${sentences}`);
      this.#report({ kind: 'stopped', role: this.role, durationMs, error });
      this.#process.exit(1);
    }
  }

  /** Runs all steps of the stage, also those that are registered while it runs. */
  async #runStage(stage: StopStage): Promise<Error[]> {
    const errors: Error[] = [];
    for (;;) {
      const steps = this.#steps.filter((step) => step.stage === stage);
      if (steps.length === 0) return errors;
      this.#steps = this.#steps.filter((step) => step.stage !== stage);
      const failed = await runStopStage(steps, { hasten: this.hasten, timers: this.#timers });
      for (const { step, error } of failed) {
        this.#report({ kind: 'step-failed', role: this.role, step: step.name, error });
        errors.push(error);
      }
    }
  }

  async #awaitBackground(): Promise<Error[]> {
    if (this.#background.size === 0) return [];
    const step: StopStep = {
      stage: 'work',
      name: 'background work',
      limitMs: this.#backgroundLimitMs,
      stop: async () => {
        while (this.#background.size > 0) await Promise.all(this.#background.keys());
      },
    };
    const failed = await runStopStage([step], { hasten: this.hasten, timers: this.#timers });
    return failed.map(({ error }) => {
      const names = [...new Set(this.#background.values())].join(', ');
      return new Error(`background work did not end: ${names}`, { cause: error });
    });
  }

  #tellParent(message: Parameters<HostProcess['send']>[0]): void {
    if (this.supervised && this.#process.connected) this.#process.send(message);
  }
}

function asError(value: unknown): Error {
  return value instanceof Error
    ? value
    : new Error(`thrown, but no error: ${String(value)}`, { cause: value });
}
