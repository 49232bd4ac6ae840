/**
 * The Redis of one machine: a real server in a data folder of its own, for `mailwheel up` without `redis.url`.
 *
 * Promises: what it answered OK to is on the disk (`appendfsync always`); it survives the process that started it and is
 * adopted by the next; never two servers on one folder; when it dies (a full disk ends a Redis that must fsync) it is
 * started again with growing waits, on the same port. While it is away clients see refused connections.
 */
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedRedisError } from './errors.ts';
import { findRedisServer, installAdvice } from './find-server.ts';
import {
  existingRedisFolder,
  keptPort,
  logTail,
  openRedisFolder,
  processInFolder,
  type RedisFolder,
} from './folder.ts';
import { launch, type LaunchRequest, type Running } from './launch.ts';
import { thirdOfMemoryBytes } from './memory.ts';
import { ownFolder, type FolderOwnership } from './owner.ts';
import { oneShotClient, probe } from './probe.ts';

export type EmbeddedRedisEvent =
  | ({ readonly kind: 'running' } & Running)
  | { readonly kind: 'loading' }
  /** It is gone; `lastLog` is the end of its log. */
  | { readonly kind: 'lost'; readonly lastLog: string; readonly restartInMs: number }
  | { readonly kind: 'restart-failed'; readonly error: unknown; readonly restartInMs: number };

export interface EmbeddedRedisOptions {
  /** `dataFolder` of the settings; Redis's own files are in `redis` below it. */
  readonly dataFolder: string;
  /** Where to look for the server program (the PATH variable). */
  readonly path: string;
  readonly report: (event: EmbeddedRedisEvent) => void;
  /** Default: a third of the machine's memory. */
  readonly maxmemoryBytes?: number;
  /** Waits before a restart, doubling; the first again after a minute of health. Default 500 ms and 30 s. */
  readonly firstRestartMs?: number;
  readonly longestRestartMs?: number;
}

/** How to reach a Redis of a folder. The password stays in its file: pass the file's name on, not the secret. */
export interface EmbeddedAddress {
  readonly url: string;
  readonly port: number;
  readonly passwordFile: string;
  readonly folder: string;
}

export interface EmbeddedRedis extends EmbeddedAddress {
  /** Process id of the server now. */
  processId(): number;
  /** True when it was already running when we came. */
  readonly adopted: boolean;
  /** Shuts the server down (SHUTDOWN, then SIGTERM), waits until it is gone and gives the folder free. */
  stop(limitMs?: number): Promise<void>;
}

/** A restarted server that lived this long was well: the next restart waits the shortest time again. */
const healthyMs = 60_000;

/** Starts or adopts the Redis of `dataFolder`, and owns it until `stop`. Rejects with an `EmbeddedRedisError`. */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  const found = await findRedisServer(options.path);
  if (found === undefined) throw new EmbeddedRedisError('not-installed', installAdvice(process.platform));
  const folder = await openRedisFolder(join(options.dataFolder, 'redis'));
  const ownership = await ownFolder(folder.path);
  try {
    const request = {
      folder,
      program: found.program,
      maxmemoryBytes: options.maxmemoryBytes ?? thirdOfMemoryBytes(),
      onLoading: () => options.report({ kind: 'loading' }),
    };
    const running = await launch(request);
    if (running.adopted) await applyMemoryLimit(folder, running.port, request.maxmemoryBytes);
    options.report({ kind: 'running', ...running });
    const supervised = new SupervisedRedis(request, running, { ownership, options });
    supervised.watch();
    return supervised;
  } catch (error) {
    await ownership.release();
    throw error;
  }
}

/** The running Redis of `dataFolder`, without owning it; undefined: none runs. For commands beside a running `up`. */
export async function findRunningRedis(dataFolder: string): Promise<EmbeddedAddress | undefined> {
  const folder = await existingRedisFolder(join(dataFolder, 'redis'));
  const port = folder === undefined ? undefined : await keptPort(folder);
  if (folder === undefined || port === undefined) return undefined;
  const presence = await probe(folder, port);
  return presence.kind === 'ours' ? address(folder, port) : undefined;
}

/** True when `dataFolder` holds the data of an embedded Redis, running or not. */
export async function hasEmbeddedData(dataFolder: string): Promise<boolean> {
  return (await existingRedisFolder(join(dataFolder, 'redis'))) !== undefined;
}

function address(folder: RedisFolder, port: number): EmbeddedAddress {
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    passwordFile: folder.passwordFile,
    folder: folder.path,
  };
}

async function applyMemoryLimit(folder: RedisFolder, port: number, maxmemoryBytes: number): Promise<void> {
  const client = oneShotClient(folder, port, 5_000);
  client.on('error', () => {}); // the command below rejects with it
  try {
    await client.connect();
    await client.config('SET', 'maxmemory', maxmemoryBytes);
  } finally {
    client.disconnect();
  }
}

class SupervisedRedis implements EmbeddedRedis {
  readonly url: string;
  readonly port: number;
  readonly passwordFile: string;
  readonly folder: string;
  readonly adopted: boolean;
  readonly #request: LaunchRequest;
  readonly #ownership: FolderOwnership;
  readonly #options: EmbeddedRedisOptions;
  readonly #stopping = new AbortController();
  #processId: number;
  #runningSinceMs = performance.now();
  #restartMs: number;
  #watcher: Socket | undefined;
  #recovery: Promise<void> = Promise.resolve();

  constructor(
    request: LaunchRequest,
    running: Running,
    held: { readonly ownership: FolderOwnership; readonly options: EmbeddedRedisOptions },
  ) {
    ({
      url: this.url,
      port: this.port,
      passwordFile: this.passwordFile,
      folder: this.folder,
    } = address(request.folder, running.port));
    this.adopted = running.adopted;
    this.#processId = running.processId;
    this.#request = { ...request, port: running.port };
    this.#ownership = held.ownership;
    this.#options = held.options;
    this.#restartMs = this.#firstRestartMs();
  }

  processId(): number {
    return this.#processId;
  }

  /** An idle connection ends in the moment the server does, whether it is our child or an adopted one. */
  watch(): void {
    const socket = connect({ host: '127.0.0.1', port: this.port });
    socket.on('error', () => {}); // 'close' follows
    socket.resume();
    socket.once('close', () => {
      if (!this.#stopping.signal.aborted) this.#recovery = this.#recover();
    });
    socket.unref();
    this.#watcher = socket;
  }

  async stop(limitMs = 30_000): Promise<void> {
    this.#stopping.abort();
    this.#watcher?.destroy();
    await this.#recovery;
    try {
      await this.#shutDown(limitMs);
    } finally {
      await this.#ownership.release();
    }
  }

  async #recover(): Promise<void> {
    const { folder } = this.#request;
    if ((await probe(folder, this.port)).kind === 'ours') {
      await this.#pause(1_000); // somebody closed our connection, not the server
    } else {
      if (performance.now() - this.#runningSinceMs > healthyMs) this.#restartMs = this.#firstRestartMs();
      this.#options.report({
        kind: 'lost',
        lastLog: await logTail(folder, 2),
        restartInMs: this.#restartMs,
      });
      await this.#restartUntilRunning();
    }
    if (!this.#stopping.signal.aborted) this.watch();
  }

  async #restartUntilRunning(): Promise<void> {
    const longestMs = this.#options.longestRestartMs ?? 30_000;
    for (;;) {
      await this.#pause(this.#restartMs);
      if (this.#stopping.signal.aborted) return;
      this.#restartMs = Math.min(2 * this.#restartMs, longestMs);
      try {
        const running = await launch(this.#request);
        this.#processId = running.processId;
        this.#runningSinceMs = performance.now();
        this.#options.report({ kind: 'running', ...running });
        return;
      } catch (error) {
        this.#options.report({ kind: 'restart-failed', error, restartInMs: this.#restartMs });
      }
    }
  }

  async #shutDown(limitMs: number): Promise<void> {
    const { folder } = this.#request;
    const beganMs = performance.now();
    let asked = false;
    let signalled = false;
    for (;;) {
      const presence = await probe(folder, this.port, 500);
      const pid = await processInFolder(folder);
      if (presence.kind === 'nobody' && pid === undefined) return;
      if (!asked && presence.kind === 'ours') {
        asked = true;
        await askToShutDown(folder, this.port);
        continue;
      }
      const spentMs = performance.now() - beganMs;
      if (!signalled && (presence.kind !== 'ours' || spentMs > limitMs / 2)) {
        signalled = true;
        if (pid !== undefined) process.kill(pid, 'SIGTERM');
      }
      if (spentMs > limitMs) {
        throw new EmbeddedRedisError(
          'did-not-stop',
          `The embedded Redis (process ${this.#processId}) did not stop within ${limitMs} ms: look at ${folder.logFile}.`,
        );
      }
      await sleep(50);
    }
  }

  #firstRestartMs(): number {
    return this.#options.firstRestartMs ?? 500;
  }

  /** Waits, but not longer than until `stop`. */
  async #pause(delayMs: number): Promise<void> {
    try {
      await sleep(delayMs, undefined, { signal: this.#stopping.signal });
    } catch {
      // stopped: the caller looks
    }
  }
}

/** The answer to SHUTDOWN is a closed connection, so every outcome is judged by looking again. */
async function askToShutDown(folder: RedisFolder, port: number): Promise<void> {
  const client = oneShotClient(folder, port, 10_000);
  client.on('error', () => {});
  try {
    await client.connect();
    await client.call('SHUTDOWN');
  } catch {
    // closed, as it should be; or it refused, then SIGTERM follows
  } finally {
    client.disconnect();
  }
}
