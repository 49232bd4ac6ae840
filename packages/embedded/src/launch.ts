/** Brings the one Redis of a folder to life: adopts the running one, or starts the program and waits for its data. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedRedisError } from './errors.ts';
import { keptPort, logTail, processInFolder, writeConfiguration, type RedisFolder } from './folder.ts';
import { probe, type Presence } from './probe.ts';

/** How long a server that holds the folder may stay silent, and how long a new one may take to open its port. */
const silenceMsMax = 30_000;
const pollMs = 50;
const portTriesMax = 3;

export interface LaunchRequest {
  readonly folder: RedisFolder;
  readonly program: string;
  readonly maxmemoryBytes: number;
  /** The port that must be used because clients know it; absent: the kept one if it is free, else any. */
  readonly port?: number;
  /** Called about every second while the server reads its data. */
  readonly onLoading: () => void;
}

export interface Running {
  readonly port: number;
  readonly processId: number;
  readonly version: string;
  readonly adopted: boolean;
}

/**
 * Resolves when the folder's Redis has loaded its data. Never starts a second one on the folder: while anybody may be
 * working there it waits, and gives up with `unreachable` after 30 seconds.
 */
export async function launch(request: LaunchRequest): Promise<Running> {
  for (let attempt = 1; ; attempt += 1) {
    const present = await lookForServer(request.folder);
    if (present.kind === 'ours') return awaitLoaded(request, present.port, undefined);
    const port = request.port ?? (present.kind === 'free' ? present.port : undefined) ?? (await freePort());
    await writeConfiguration(request.folder, { port, maxmemoryBytes: request.maxmemoryBytes });
    const child = await spawnServer(request);
    try {
      return await awaitLoaded(request, port, child);
    } catch (error) {
      // Somebody took the port between the look and the start. Redis binds before it opens its data: nothing happened.
      const taken = (await logTail(request.folder, 5)).includes('in use');
      if (!taken || request.port !== undefined || attempt === portTriesMax) throw error;
      await writeConfiguration(request.folder, {
        port: await freePort(),
        maxmemoryBytes: request.maxmemoryBytes,
      });
    }
  }
}

async function spawnServer(request: LaunchRequest): Promise<ChildProcess> {
  // What the server says before it has opened its log (a bad option, a full disk) must not be lost either.
  const log = await open(request.folder.logFile, 'a', 0o600);
  try {
    const child = spawn(request.program, [request.folder.configFile], {
      cwd: request.folder.path,
      // Its own process group: a Ctrl-C or a killed terminal must not end the store before the workers have drained.
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    child.unref();
    return child;
  } finally {
    await log.close();
  }
}

export type Found =
  | { readonly kind: 'ours'; readonly port: number }
  /** Nobody works in the folder; its kept port is free. */
  | { readonly kind: 'free'; readonly port: number }
  /** Nobody works in the folder; it has no port, or a stranger has it. */
  | { readonly kind: 'portless' };

/** Waits until it is certain whether a server works in the folder; rejects after `limitMs` of doubt. */
export async function lookForServer(folder: RedisFolder, limitMs: number = silenceMsMax): Promise<Found> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const port = await keptPort(folder);
    const presence: Presence = port === undefined ? { kind: 'nobody' } : await probe(folder, port);
    if (presence.kind === 'ours' && port !== undefined) return { kind: 'ours', port };
    const pid = await processInFolder(folder);
    if (presence.kind !== 'unclear' && pid === undefined) {
      return presence.kind === 'nobody' && port !== undefined ? { kind: 'free', port } : { kind: 'portless' };
    }
    if (performance.now() > endMs) {
      const who = pid === undefined ? `Something on port ${port}` : `A Redis (process ${pid})`;
      const detail = 'detail' in presence ? presence.detail : 'its port is closed';
      throw new EmbeddedRedisError(
        'unreachable',
        `${who} holds the data folder ${folder.path}, but cannot be reached (${detail}): look at ${folder.logFile}, stop it, and start again.`,
      );
    }
    await sleep(pollMs);
  }
}

async function awaitLoaded(
  request: LaunchRequest,
  port: number,
  child: ChildProcess | undefined,
): Promise<Running> {
  const { folder } = request;
  const ended = child === undefined ? undefined : watchEnd(child);
  let endMs = performance.now() + silenceMsMax;
  let reportMs = performance.now() + 1_000;
  for (;;) {
    const presence = await probe(folder, port);
    if (presence.kind === 'ours' && !presence.loading) {
      const { processId, version } = presence;
      // With a foreign child of the same folder winning a race, the process that answers is the one that counts.
      return { port, processId, version, adopted: processId !== child?.pid };
    }
    if (presence.kind === 'ours') {
      endMs = performance.now() + silenceMsMax; // reading its data takes as long as it takes
      if (performance.now() > reportMs) {
        request.onLoading();
        reportMs = performance.now() + 1_000;
      }
    }
    if (presence.kind === 'nobody' && ended?.how !== undefined) throw await startFailure(folder, ended.how);
    if (performance.now() > endMs) {
      throw await startFailure(folder, `it did not answer within ${silenceMsMax} ms`);
    }
    await sleep(pollMs);
  }
}

function watchEnd(child: ChildProcess): { readonly how: string | undefined } {
  const end: { how: string | undefined } = { how: undefined };
  child.once('error', (error) => (end.how = error.message));
  child.once('exit', (code, signal) => (end.how = `it ended with ${signal ?? code}`));
  return end;
}

async function startFailure(folder: RedisFolder, how: string): Promise<EmbeddedRedisError> {
  return new EmbeddedRedisError(
    'did-not-start',
    `The embedded Redis did not start: ${how}. The end of ${folder.logFile} says:\n${await logTail(folder, 5)}`,
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP listener has an address');
  return address.port;
}
