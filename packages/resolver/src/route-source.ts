/**
 * The route table in force: inline text, or a file that is looked at every few seconds. A new file is taken only if it
 * parses whole; otherwise the old table stays and the faults are reported once.
 *
 * Polling, not fs.watch: inotify watches the inode behind a path, so it misses the symlink swap of a Kubernetes ConfigMap,
 * and it is silent on NFS. One stat every two seconds costs nothing. A file that is being written in place would be read
 * half, and half a table may parse: mail of the missing routes would go to the public MX. So a change is taken only when
 * the file looks the same before and after it was read, a moment after it was first seen. Who writes more slowly than
 * that must write a new file and rename it.
 */
import { readFile, stat } from 'node:fs/promises';
import {
  emptyTable,
  formatRouteError,
  parseRoutes,
  type RouteError,
  type RouteTable,
} from '@mailwheel/routing';
import type { RoutesEvent, RoutesOrigin } from './types.ts';

/** A file above this is refused unread; 40,000 routes of four hosts are about 4 MiB. */
export const routesFileBytesMax: number = 16 * 1024 * 1024;
const reloadSecondsDefault = 2;
/** A changed file must stand still for this long. */
const settleMs = 100;

export interface RouteSource {
  current(): RouteTable;
  close(): Promise<void>;
}

/** Routes that cannot be used, at start: there is no old table to stay with. */
export class RoutesUnusableError extends Error {
  readonly code: string = 'ROUTES_UNUSABLE';
  /** Empty when the file could not be read. */
  readonly errors: readonly RouteError[];

  constructor(message: string, errors: readonly RouteError[], cause?: unknown) {
    super(message, { cause });
    this.name = 'RoutesUnusableError';
    this.errors = errors;
  }
}

/** Takes the table and keeps up with its file; rejects with `RoutesUnusableError` if there is none to start with. */
export async function openRouteSource(
  origin: RoutesOrigin | undefined,
  onRoutes: (event: RoutesEvent) => void,
): Promise<RouteSource> {
  if (origin === undefined) return fixed(emptyTable);
  if ('text' in origin) return fixed(parsed('routes', origin.text));
  const watcher = new FileWatcher(origin.file, onRoutes);
  await watcher.start((origin.reloadSeconds ?? reloadSecondsDefault) * 1000);
  return watcher;
}

function fixed(table: RouteTable): RouteSource {
  return { current: () => table, close: () => Promise.resolve() };
}

function parsed(place: string, text: string): RouteTable {
  const result = parseRoutes(text);
  if (result.ok) return result.table;
  const lines = result.errors.map((error) => `${place}: ${formatRouteError(error)}`);
  throw new RoutesUnusableError(lines.join('\n'), result.errors);
}

/** Everything about a file that changes when its content does; `ctime` cannot be set back, so no edit goes unseen. */
type Look = string;

class FileWatcher implements RouteSource {
  readonly #file: string;
  readonly #onRoutes: (event: RoutesEvent) => void;
  #table: RouteTable = emptyTable;
  #text = '';
  #taken: Look = '';
  #lastFault = '';
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(file: string, onRoutes: (event: RoutesEvent) => void) {
    this.#file = file;
    this.#onRoutes = onRoutes;
  }

  current(): RouteTable {
    return this.#table;
  }

  async start(intervalMs: number): Promise<void> {
    try {
      const look = await this.#look();
      this.#take(await readFile(this.#file, 'utf8'), look);
    } catch (error) {
      throw unusable(this.#file, error);
    }
    this.#schedule(intervalMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(intervalMs: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#poll().finally(() => this.#schedule(intervalMs));
    }, intervalMs);
    this.#timer.unref();
  }

  async #poll(): Promise<void> {
    const event = await this.#check().catch((error: unknown) => this.#refused(unusable(this.#file, error)));
    if (event !== undefined) this.#onRoutes(event);
  }

  /** Takes a file that has changed and stands still; gives what there is to tell. */
  async #check(): Promise<RoutesEvent | undefined> {
    const look = await this.#look();
    if (look === this.#taken) return undefined;
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    const text = await readFile(this.#file, 'utf8');
    if ((await this.#look()) !== look) return undefined;
    const news = text !== this.#text || this.#lastFault !== '';
    this.#take(text, look);
    this.#lastFault = '';
    return news ? { kind: 'loaded', file: this.#file, routes: this.#table.routes.length } : undefined;
  }

  /** Once for each fault, not at every look. */
  #refused(fault: RoutesUnusableError): RoutesEvent | undefined {
    // A file that could not be read is read when it is back, even if it is the same one.
    if (fault.errors.length === 0) this.#taken = '';
    if (fault.message === this.#lastFault) return undefined;
    this.#lastFault = fault.message;
    const message = `${fault.message}\nThe old table stays in force.`;
    return { kind: 'refused', file: this.#file, errors: fault.errors, message };
  }

  /** A text that is refused counts as seen, too: it is parsed again only when the file changes. */
  #take(text: string, look: Look): void {
    this.#taken = look;
    if (text === this.#text) return;
    this.#table = parsed(this.#file, text);
    this.#text = text;
  }

  async #look(): Promise<Look> {
    // stat follows symlinks: when a ConfigMap swaps `..data`, the inode is another one, whatever its times and size.
    const status = await stat(this.#file, { bigint: true });
    if (!status.isFile()) throw new RoutesUnusableError(`${this.#file} is not a file`, []);
    if (status.size > routesFileBytesMax) {
      throw new RoutesUnusableError(`${this.#file} is larger than ${routesFileBytesMax} bytes`, []);
    }
    const { dev, ino, size, mtimeNs, ctimeNs } = status;
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  }
}

function unusable(file: string, error: unknown): RoutesUnusableError {
  if (error instanceof RoutesUnusableError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new RoutesUnusableError(`${file} cannot be read: ${reason}`, [], error);
}
