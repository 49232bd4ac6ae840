/**
 * `mailwheel up`: the whole tier on one machine. An embedded Redis unless the settings name one, and ingress, worker and
 * console as child processes. Stops in the order ingress, worker, console, Redis, so that nothing is accepted that nobody
 * could store, and nothing delivered that nobody could record.
 *
 * When `up` itself is killed, its children notice the closed channel and drain; Redis stays and is adopted by the next `up`.
 */
import { EmbeddedRedisError, startEmbeddedRedis, type EmbeddedRedis } from '@mailwheel/embedded';
import { createLifecycle, type Lifecycle } from '@mailwheel/lifecycle';
import type { Settings } from '@mailwheel/settings';
import { CommandFailure, type Invocation } from '../command.ts';
import { settingsFor } from '../configuration.ts';
import { lifecycleReporter, roleNames, type RoleName } from '../role.ts';
import { redisReporter, roleReporter } from './report.ts';
import { RoleProcess, type RoleProcessOptions } from './role-process.ts';
import { announceReady } from './summary.ts';

/** A role has this much more than its own `drainSeconds` before it is killed. */
const stopGraceMs = 10_000;
const redisStopMs = 60_000;
/** Console: requests in progress only. */
const consoleStopMs = 15_000;

/** Resolves with no exit code when everything is ready; then the lifecycle decides when the process ends. */
export async function runUp(call: Invocation): Promise<undefined> {
  const loaded = await settingsFor('up', call);
  call.output.useFormat(loaded.settings.log.format);
  const demo = call.options.demo === true ? await import('../demo/demo.ts') : undefined;
  const lifecycle = createLifecycle({
    role: 'up',
    supervised: false,
    report: lifecycleReporter(call.output, true),
  });
  for (const warning of loaded.warnings)
    call.output.event({ name: 'unsafe-listener', level: 'error', text: warning });
  const stage = await demo?.prepareDemo(loaded.settings, lifecycle);
  const settings = withLogFormat(stage?.settings ?? loaded.settings, call.output.forPeople);
  const redis = await storeFor(settings, lifecycle, call);
  // An adopted Redis means that the last `up` was killed: its worker may finish deliveries and hold its port meanwhile.
  const startPatienceMs = redis?.adopted === true ? settings.worker.drainSeconds * 1_000 + stopGraceMs : 0;
  const roles = createRoles(withStore(settings, redis), lifecycle, {
    report: roleReporter(call.output),
    startPatienceMs,
  });
  try {
    await Promise.all([...roles.values()].map((role) => role.start()));
  } catch (error) {
    if (lifecycle.state() !== 'starting') return;
    await lifecycle.drain('a role does not start', error as Error);
    return;
  }
  lifecycle.ready();
  announceReady(call.output, { roles, settings, redis });
  if (stage !== undefined) lifecycle.background('demonstration', stage.play(call.output, roles));
}

async function storeFor(
  settings: Settings,
  lifecycle: Lifecycle,
  call: Invocation,
): Promise<EmbeddedRedis | undefined> {
  const { url, sentinel, cluster } = settings.redis;
  if (url !== undefined || sentinel !== undefined || cluster !== undefined) return undefined;
  try {
    const redis = await startEmbeddedRedis({
      dataFolder: settings.dataFolder,
      path: call.environment['PATH'] ?? '',
      report: redisReporter(call.output),
    });
    lifecycle.onStop({
      stage: 'store',
      name: 'embedded Redis',
      limitMs: redisStopMs + stopGraceMs,
      stop: () => redis.stop(redisStopMs),
    });
    return redis;
  } catch (error) {
    if (error instanceof EmbeddedRedisError) throw new CommandFailure(error.message, { cause: error });
    throw error;
  }
}

/** The roles, not yet started, with their place in the stop. */
function createRoles(
  settings: Settings,
  lifecycle: Lifecycle,
  options: Pick<RoleProcessOptions, 'report' | 'startPatienceMs'>,
): ReadonlyMap<RoleName, RoleProcess> {
  const stops: Readonly<Record<RoleName, { stage: 'intake' | 'work' | 'peers'; limitMs: number }>> = {
    ingress: { stage: 'intake', limitMs: settings.ingress.drainSeconds * 1_000 + stopGraceMs },
    worker: { stage: 'work', limitMs: settings.worker.drainSeconds * 1_000 + stopGraceMs },
    console: { stage: 'peers', limitMs: consoleStopMs },
  };
  const roles = new Map(roleNames.map((role) => [role, new RoleProcess({ role, settings, ...options })]));
  for (const [name, role] of roles) {
    const { stage, limitMs } = stops[name];
    lifecycle.onStop({
      stage,
      name,
      limitMs: limitMs + stopGraceMs,
      stop: () => role.stop({ why: 'up stops', limitMs }),
    });
    lifecycle.hasten.addEventListener('abort', () => role.hasten());
  }
  return roles;
}

/** The password stays in its file: only the file's name travels. */
function withStore(settings: Settings, redis: EmbeddedRedis | undefined): Settings {
  if (redis === undefined) return settings;
  return { ...settings, redis: { ...settings.redis, url: redis.url, passwordFile: redis.passwordFile } };
}

/** The roles write to our output and cannot see whether a person reads it: decide for them. */
function withLogFormat(settings: Settings, forPeople: boolean): Settings {
  const format = settings.log.format === 'auto' ? (forPeople ? 'pretty' : 'json') : settings.log.format;
  return { ...settings, log: { ...settings.log, format } };
}
