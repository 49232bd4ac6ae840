/**
 * Loaded before a role (`--import`): the wall clock of that one process is moved by as many milliseconds as the file named by
 * `TEST_CLOCK_FILE` says, looked at ten times a second, so that a test can set it while the process works. Timers and the
 * monotonic clock go on as they are, as they do when an operator or a time server sets a clock.
 */
import { readFileSync } from 'node:fs';

const path = process.env['TEST_CLOCK_FILE'];
const realNow = Date.now.bind(Date);
let movedMs = 0;

function look(): void {
  if (path !== undefined) movedMs = Number(readFileSync(path, 'utf8'));
}

look();
setInterval(look, 100).unref();

const RealDate = Date;
class MovedDate extends RealDate {
  constructor(...parts: readonly unknown[]) {
    // `new Date()` reads the clock; any other form does not.
    if (parts.length === 0) super(realNow() + movedMs);
    else super(...(parts as [number]));
  }

  static override now(): number {
    return realNow() + movedMs;
  }
}
globalThis.Date = MovedDate as DateConstructor;
