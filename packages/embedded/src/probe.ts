/** Asks whoever answers on the folder's port whether it is the Redis of the folder. */
import { Redis } from 'ioredis';
import type { RedisFolder } from './folder.ts';

/**
 * `ours`: lets our password in and works in our folder; `loading` has not finished reading its data. `foreign`: answered,
 * and is something else. `nobody`: the port is closed. `unclear`: no answer, or one that proves nothing (overloaded, too
 * many clients): never a reason to start a second server.
 */
export type Presence =
  | { readonly kind: 'ours'; readonly loading: boolean; readonly processId: number; readonly version: string }
  | { readonly kind: 'foreign'; readonly detail: string }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'unclear'; readonly detail: string };

/** One connection, three questions, at most `timeoutMs` for each. Never rejects. */
export async function probe(folder: RedisFolder, port: number, timeoutMs = 2_000): Promise<Presence> {
  const client = oneShotClient(folder, port, timeoutMs);
  let firstError: Error | undefined;
  client.on('error', (error: Error) => (firstError ??= error));
  try {
    await client.connect();
    const [, workingFolder] = (await client.config('GET', 'dir')) as string[];
    if (workingFolder !== folder.path) return { kind: 'foreign', detail: `it works in ${workingFolder}` };
    const facts = await client.info();
    return {
      kind: 'ours',
      loading: fact(facts, 'loading') !== '0',
      processId: Number(fact(facts, 'process_id')),
      version: fact(facts, 'redis_version'),
    };
  } catch (error) {
    return judge(firstError ?? (error as Error));
  } finally {
    client.disconnect();
  }
}

/** A client for one question: no queue, no second try, no readiness check of its own. */
export function oneShotClient(folder: RedisFolder, port: number, timeoutMs: number): Redis {
  return new Redis({
    host: '127.0.0.1',
    port,
    password: folder.password,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
  });
}

function judge(error: Error): Presence {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ECONNREFUSED') return { kind: 'nobody' };
  if (/^(WRONGPASS|NOAUTH|NOPERM)/.test(error.message)) {
    return { kind: 'foreign', detail: 'it is a Redis with another password' };
  }
  if (error.message.startsWith('Unknown RESP type')) return { kind: 'foreign', detail: 'it is not a Redis' };
  return { kind: 'unclear', detail: error.message };
}

function fact(facts: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(facts)?.[1] ?? '';
}
