/**
 * Where lines go: standard output, written in the background. A line costs an append to a buffer; the buffer is written
 * when it is large, or after `flushMs`, and on exit. A reader that does not keep up must not stop mail, so beyond
 * `bufferBytesMax` lines are dropped and counted.
 */
import { destination as pinoDestination } from 'pino';

export interface LineDestination {
  write(line: string): unknown;
  flushSync?(): void;
  /** Writes out and stops the flush timer. */
  end?(): void;
}

const bufferBytesMax = 16_777_216;
/** Less than what sonic-boom writes at a time (16,384). */
const flushBytes = 8192;
const flushMs = 100;

/** `onDrop` is called for each line that was dropped. pino writes the rest out when the process exits. */
export function standardOutput(onDrop: () => void): LineDestination {
  const output = pinoDestination({
    fd: 1,
    sync: false,
    minLength: flushBytes,
    maxLength: bufferBytesMax,
    periodicFlush: flushMs,
  });
  output.on('drop', onDrop);
  return output;
}
