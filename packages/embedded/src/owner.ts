/**
 * One living owner per data folder: the process that starts, watches and stops the Redis of that folder.
 *
 * The lock is a listening socket, because the kernel drops it with its process, however that dies; a file with a process
 * id would have to be judged stale by the next one, which races and is fooled by reused ids. On Linux the socket is
 * abstract (no file at all); elsewhere it is a socket file that is removed when nobody answers on it, which leaves a race
 * of two starts within the same millisecond.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { EmbeddedRedisError } from './errors.ts';

export interface FolderOwnership {
  release(): Promise<void>;
}

/** Takes the ownership of `folder` (a real path). Rejects with `folder-in-use`, naming the owner's process id. */
export async function ownFolder(folder: string): Promise<FolderOwnership> {
  const path = lockPath(folder);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const server = await listen(path);
    if (server !== undefined) {
      return {
        release: async () => {
          server.close();
          await once(server, 'close');
        },
      };
    }
    const owner = await askOwner(path);
    if (owner !== undefined) {
      throw new EmbeddedRedisError(
        'folder-in-use',
        `The data folder ${folder} is in use by another Mailwheel (process ${owner}): stop that one first, or give this one another dataFolder.`,
      );
    }
    if (!path.startsWith('\0')) await rm(path, { force: true });
  }
  throw new EmbeddedRedisError(
    'folder-in-use',
    `The data folder ${folder} could not be locked (${path.slice(1)}).`,
  );
}

function lockPath(folder: string): string {
  if (process.platform !== 'linux') return join(folder, 'owner.sock');
  return `\0mailwheel/${createHash('sha256').update(folder).digest('hex').slice(0, 40)}`;
}

async function listen(path: string): Promise<Server | undefined> {
  const server = createServer((socket) => {
    socket.on('error', () => {}); // an asker that leaves early is none of our business
    socket.end(String(process.pid));
  });
  server.unref();
  server.listen({ path });
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
}

/** Process id of the living owner; undefined: nobody listens (any more). */
async function askOwner(path: string): Promise<string | undefined> {
  const socket = connect({ path });
  socket.setTimeout(2_000, () => socket.destroy());
  let answer = '';
  try {
    for await (const chunk of socket) answer += String(chunk);
  } catch {
    return undefined;
  }
  return answer === '' ? 'that does not answer' : answer;
}
