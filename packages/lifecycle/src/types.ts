/**
 * The life of one process: it starts, becomes ready, drains, and is gone. Every role registers what must be stopped and
 * in which stage; the lifecycle runs the stages in order, each step with a limit, and leaves with one exit code.
 */

/**
 * Legal moves: starting -> ready | draining ; ready -> draining ; draining -> stopped.
 *
 * `starting`: not yet for use, `/readyz` says no. `ready`: in service. `draining`: no new work is taken, work in progress
 * is finished, `/readyz` says no. `stopped`: every step has run or was given up; the process exits at once.
 */
export type LifecycleState = 'starting' | 'ready' | 'draining' | 'stopped';

/**
 * Stages of a stop, in the order they run; steps of one stage run side by side, and a stage starts when the one before it
 * has ended. `intake`: close listeners that take new work, stop claiming. `work`: finish what is in progress (background
 * work is waited for at its end). `peers`: close connections to other hosts. `store`: close Redis clients. `report`:
 * metrics and health listener, log.
 */
export const stopStages = ['intake', 'work', 'peers', 'store', 'report'] as const;
export type StopStage = (typeof stopStages)[number];

export interface StopStep {
  readonly stage: StopStage;
  /** For the log: `smtp listener`. */
  readonly name: string;
  /** The step is given up, and reported, after this many milliseconds. */
  readonly limitMs: number;
  /** `hasten` is aborted by a second signal: leave out every courtesy, lose nothing that was promised. */
  readonly stop: (hasten: AbortSignal) => void | Promise<void>;
}

/** What a role is given by the cli, and what it is asked about by its health page. */
export interface Lifecycle {
  readonly role: string;
  /** `up` started this process, and its other roles write to the same output. */
  readonly supervised: boolean;
  state(): LifecycleState;
  /** Aborted when draining begins. Loops end by it; it never aborts a transaction. */
  readonly draining: AbortSignal;
  /** Aborted by the second signal. */
  readonly hasten: AbortSignal;
  /** Registers a step of the stop. One that comes after its stage has run, runs at the end. */
  onStop(step: StopStep): void;
  /** Counts `work` until it ends; a stop waits for it. A rejection is a bug of ours: it is reported and ends the process. */
  background(name: string, work: Promise<unknown>): void;
  backgroundCount(): number;
  /** Tells the address on which this role answers: `listening('smtp', '127.0.0.1:2525')`. Shown when the role is ready. */
  listening(name: string, address: string): void;
  addresses(): ReadonlyMap<string, string>;
  /** Called by the cli when the role's `run` has resolved; the role itself need not. */
  ready(): void;
  /**
   * Begins the stop (once; later calls give the same promise). Resolves when every stage has run; then the process exits,
   * with 0, or with 1 when a step failed or when `failure` says that the stop is none that anybody wished.
   */
  drain(why: string, failure?: Error): Promise<void>;
  /** The process cannot go on: reports and exits with 1, without a drain. For states that must not be trusted any more. */
  fail(error: unknown): void;
}

/** What happens in a life, for the log. */
export type LifecycleEvent =
  | { readonly kind: 'ready'; readonly role: string; readonly addresses: ReadonlyMap<string, string> }
  | { readonly kind: 'draining'; readonly role: string; readonly why: string }
  | { readonly kind: 'hastened'; readonly role: string; readonly why: string }
  | { readonly kind: 'step-failed'; readonly role: string; readonly step: string; readonly error: Error }
  | {
      readonly kind: 'stopped';
      readonly role: string;
      readonly durationMs: number;
      /** One error for everything that went wrong on the way; absent: nothing did. */
      readonly error?: AggregateError;
    }
  | { readonly kind: 'fatal'; readonly role: string; readonly error: Error };

/** Monotonic clock and timers, passed in by tests. */
export interface Timers {
  nowMs(): number;
  /** Returns the function that cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** The part of `process` that a life depends on. */
export interface HostProcess {
  on(event: string, listener: (value: unknown) => void): void;
  exit(code: number): void;
  /** True when a parent holds an IPC channel to us. */
  readonly connected: boolean;
  send(message: FromRole): void;
}

/** What a supervised role tells `up`. */
export type FromRole =
  | {
      readonly kind: 'ready';
      readonly role: string;
      readonly addresses: readonly (readonly [string, string])[];
    }
  | { readonly kind: 'draining'; readonly role: string; readonly why: string };

/** What `up` tells a role. Messages, not signals: a Ctrl-C already reaches every process of the terminal. */
export type ToRole = { readonly kind: 'stop'; readonly why: string } | { readonly kind: 'hasten' };

export interface LifecycleOptions {
  readonly role: string;
  /** Started by `up`: obeys its messages, drains when it is gone, and leaves SIGINT to it. */
  readonly supervised: boolean;
  readonly report: (event: LifecycleEvent) => void;
  /** Signals within this time of the first are the same wish: npm passes on a Ctrl-C that we got from the terminal too. */
  readonly sameSignalMs?: number;
  /** How long a stop waits for background work. */
  readonly backgroundLimitMs?: number;
  readonly timers?: Timers;
  readonly process?: HostProcess;
}
