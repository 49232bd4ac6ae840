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
/**
 * Bytes of one write. The roles of `up` share one pipe, and only writes of at most PIPE_BUF (4,096) are never mixed with
 * those of another process; larger ones would be cheaper and tear lines.
 */
const writeBytes = 4096;
/** Must be below `writeBytes`. */
const flushBytes = 4000;
const flushMs = 100;

/** `onDrop` is called for each line that was dropped. pino writes the rest out when the process exits. */
export function standardOutput(onDrop: () => void): LineDestination {
  const output = pinoDestination({
    fd: 1,
    sync: false,
    minLength: flushBytes,
    maxWrite: writeBytes,
    maxLength: bufferBytesMax,
    periodicFlush: flushMs,
  });
  output.on('drop', onDrop);
  return output;
}
