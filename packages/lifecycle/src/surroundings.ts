/** The real clock and the real process, as the lifecycle sees them. */
import type { HostProcess, Timers } from './types.ts';

/** Monotonic clock (`performance.now`) and timers that keep the process alive until they fire. */
export const processTimers: Timers = {
  nowMs: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** `process`, with an IPC channel that may close at any moment. */
export function thisProcess(): HostProcess {
  return {
    on: (event, listener) => {
      process.on(event, listener);
    },
    exit: (code) => process.exit(code),
    get connected() {
      return process.connected;
    },
    send: (message) => {
      // A parent that vanishes between the check and the write is what 'disconnect' reports: nothing to add here.
      process.send?.(message, undefined, undefined, () => {});
    },
  };
}
