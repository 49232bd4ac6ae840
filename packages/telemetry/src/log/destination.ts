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
 * Bytes of one write where others write to the same pipe, as the roles of `up` do: writes of at most PIPE_BUF (4,096) are
 * never mixed with those of another process, larger ones would tear lines. And of one write where nobody else does: each is
 * a trip through libuv's thread pool that wakes one of its threads, and a message has 2 KB of lines when all are written.
 */
const sharedWriteBytes = 4096;
const ownWriteBytes = 65_536;
/** A line more fits into the write. */
const roomBytes = 96;
const flushMs = 100;

/**
 * `onDrop` is called for each line that was dropped. `shared`: other processes write to it too. pino writes the rest out when
 * the process exits.
 */
export function standardOutput(onDrop: () => void, shared: boolean): LineDestination {
  const writeBytes = shared ? sharedWriteBytes : ownWriteBytes;
  const output = pinoDestination({
    fd: 1,
    sync: false,
    minLength: writeBytes - roomBytes,
    maxWrite: writeBytes,
    maxLength: bufferBytesMax,
    periodicFlush: flushMs,
  });
  output.on('drop', onDrop);
  return output;
}
