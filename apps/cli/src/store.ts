/**
 * The store for an operator's command: the Redis of the settings, else the embedded one of the data folder, which is used
 * beside a running `up` and started for the length of the command when nothing runs.
 */
import { openStore, type OperateSources, type Store } from '@mailwheel/assembly';
import {
  EmbeddedRedisError,
  findRunningRedis,
  hasEmbeddedData,
  startEmbeddedRedis,
} from '@mailwheel/embedded';
import type { Settings } from '@mailwheel/settings';
import { CommandFailure, type Invocation } from './command.ts';
import { settingsFor } from './configuration.ts';

/** A person waits: say that Redis is away instead of waiting for it. */
const connectMsMax = 5_000;

/** Opens the store, runs `work`, closes everything again. Rejects with a `CommandFailure` when there is no store. */
export async function withStore(
  call: Invocation,
  work: (store: Store, settings: Settings) => Promise<number>,
): Promise<number> {
  const { settings } = await settingsFor('tool', call);
  const { url, sentinel, cluster } = settings.redis;
  if ((url ?? sentinel ?? cluster) !== undefined) return use(settings, work);
  const running = await findRunningRedis(settings.dataFolder);
  if (running !== undefined) return use(withRedis(settings, running), work);
  if (!(await hasEmbeddedData(settings.dataFolder))) {
    throw new CommandFailure(
      `There is no mail in ${settings.dataFolder}, and the settings name no Redis: give --config FILE, or start "mailwheel up" first.`,
    );
  }
  const redis = await startedFor(settings, call);
  try {
    return await use(withRedis(settings, redis), work);
  } finally {
    await redis.stop();
  }
}

/** What the acts of packages/assembly need of an open store. */
export function operateSources({ queues, spool, clock }: Store, settings: Settings): OperateSources {
  return { queues, spool, nowMs: () => clock.nowMs(), shards: settings.redis.shards };
}

async function startedFor(settings: Settings, call: Invocation): ReturnType<typeof startEmbeddedRedis> {
  try {
    return await startEmbeddedRedis({
      dataFolder: settings.dataFolder,
      path: call.environment['PATH'] ?? '',
      report: () => {},
    });
  } catch (error) {
    if (error instanceof EmbeddedRedisError) throw new CommandFailure(error.message, { cause: error });
    throw error;
  }
}

function withRedis(
  settings: Settings,
  at: { readonly url: string; readonly passwordFile: string },
): Settings {
  return { ...settings, redis: { ...settings.redis, url: at.url, passwordFile: at.passwordFile } };
}

async function use(
  settings: Settings,
  work: (store: Store, settings: Settings) => Promise<number>,
): Promise<number> {
  let store: Store;
  try {
    store = await openStore(settings, {
      purpose: 'console',
      name: `mailwheel-cli-${process.pid}`,
      connectMsMax,
    });
  } catch (error) {
    throw new CommandFailure((error as Error).message, { cause: error });
  }
  try {
    return await work(store, settings);
  } finally {
    await store.close();
  }
}
