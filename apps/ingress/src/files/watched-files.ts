/**
 * Files that are taken up again when they change: certificates, the users file. Looked at in intervals, not by inotify,
 * which watches the inode behind a path and so misses the symlink swap of a Kubernetes Secret. A change is taken when all
 * the files look the same before and after they were read, a moment after it was first seen: a certificate and its key are
 * written one after the other. What cannot be used is told once, and what was in force stays.
 */
import { readFile, stat } from 'node:fs/promises';

/** A file above this is refused unread. */
const fileBytesMax = 16 * 1024 * 1024;
/** Changed files must stand still for this long. */
const settleMs = 100;

export interface WatchedFilesOptions {
  readonly files: readonly string[];
  readonly intervalMs: number;
  /** Takes the texts, in the order of `files`; throws with sentences if they cannot be used. */
  readonly take: (texts: readonly string[]) => void;
  /** Told of every change after the first: `undefined` when it was taken, else why not. */
  readonly onChange: (fault: Error | undefined) => void;
}

export class WatchedFiles {
  readonly #options: WatchedFilesOptions;
  #seen = '';
  #fault = '';
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: WatchedFilesOptions) {
    this.#options = options;
  }

  /** Reads for the first time and goes on watching; rejects if the files cannot be used. */
  async start(): Promise<void> {
    const look = await this.#look();
    this.#take(await this.#read());
    this.#seen = look;
    this.#schedule();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#poll().finally(() => this.#schedule());
    }, this.#options.intervalMs);
    this.#timer.unref();
  }

  async #poll(): Promise<void> {
    try {
      if (!(await this.#check())) return;
      this.#fault = '';
      this.#options.onChange(undefined);
    } catch (error) {
      const fault = error instanceof Error ? error : new Error(String(error));
      if (fault.message === this.#fault) return;
      this.#fault = fault.message;
      this.#options.onChange(fault);
    }
  }

  /** True: something new was taken. What is refused counts as seen; what could not be read does not. */
  async #check(): Promise<boolean> {
    const look = await this.#look();
    if (look === this.#seen) return false;
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const texts = await this.#read();
    if ((await this.#look()) !== look) return false;
    this.#seen = look;
    this.#take(texts);
    return true;
  }

  #take(texts: readonly string[]): void {
    // Truncated, to be written the next moment: no users at all is never meant.
    const empty = this.#options.files[texts.indexOf('')];
    if (empty !== undefined) throw new Error(`${empty} is empty`);
    this.#options.take(texts);
  }

  #read(): Promise<readonly string[]> {
    return Promise.all(this.#options.files.map(async (file) => readFile(file, 'utf8')));
  }

  /** Everything about the files that changes when their content does. `stat` follows symlinks: a swap is another inode. */
  async #look(): Promise<string> {
    const looks = await Promise.all(
      this.#options.files.map(async (file) => {
        const status = await stat(file, { bigint: true });
        if (!status.isFile()) throw new Error(`${file} is not a file`);
        if (status.size > fileBytesMax) throw new Error(`${file} is larger than ${fileBytesMax} bytes`);
        const { dev, ino, size, mtimeNs, ctimeNs } = status;
        return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
      }),
    );
    return looks.join('\n');
  }
}
