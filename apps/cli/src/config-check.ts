/**
 * `mailwheel config check`. Exit code 0: the settings are good; 1: they cannot be used; 3: they can, and something in them is
 * unsafe. Nothing is connected to; files are looked at, not read, but for the routes.
 */
import { resolverFor } from '@mailwheel/assembly';
import { formatListen, type Settings } from '@mailwheel/settings';
import type { Invocation } from './command.ts';
import { settingsFor } from './configuration.ts';
import { credentialWarnings } from './unsafe/credentials.ts';
import { fileWarnings } from './unsafe/files.ts';
import { listenerWarnings } from './unsafe/listeners.ts';
import { mailWarnings } from './unsafe/mail.ts';
import type { Warning } from './unsafe/warning.ts';

const unsafeExitCode = 3;

/** The mistakes, or the listeners, the Redis and the routes that a start would use, and what is unsafe about them. */
export async function checkConfiguration(call: Invocation): Promise<number> {
  const { settings } = await settingsFor('up', call);
  const resolver = await resolverFor(settings);
  const { routes } = resolver.routeTable();
  await resolver.close();
  const warnings = [
    ...listenerWarnings(settings),
    ...credentialWarnings(settings),
    ...mailWarnings(settings),
    ...(await fileWarnings(settings, call.options.config)),
  ];
  const isUnsafe = warnings.some(({ severity }) => severity === 'unsafe');
  if (call.options.json === true) for (const warning of warnings) call.output.json(warning);
  else tell(call, { settings, routeCount: routes.length, warnings });
  return isUnsafe ? unsafeExitCode : 0;
}

function tell(
  call: Invocation,
  of: { readonly settings: Settings; readonly routeCount: number; readonly warnings: readonly Warning[] },
): void {
  const { settings, routeCount, warnings } = of;
  const { ingress, worker, console: board } = settings;
  call.output.text(`${call.options.config ?? 'defaults and environment'}: the settings are good.`);
  call.output.text(
    [
      `  SMTP     ${formatListen(ingress.smtp.listen)}`,
      `  HTTP     ${formatListen(ingress.http.listen)}`,
      `  console  ${formatListen(board.listen)}`,
      `  metrics  ${formatListen(ingress.listen)} (ingress), ${formatListen(worker.listen)} (worker)`,
      `  Redis    ${storeOf(settings)}`,
      `  routes   ${routeCount}`,
    ].join('\n'),
  );
  for (const { path, severity, message } of warnings) {
    const [colour, word] = severity === 'unsafe' ? (['red', 'unsafe'] as const) : (['cyan', 'note'] as const);
    call.output.text(call.output.style(colour, `  ${word}: ${path}: ${message}`));
  }
}

function storeOf({ redis, dataFolder }: Settings): string {
  if (redis.url !== undefined) return withoutPassword(redis.url);
  if (redis.sentinel !== undefined) return `the master "${redis.sentinel.name}" behind Sentinel`;
  return redis.cluster === undefined
    ? `embedded, in ${dataFolder} (with "up"; a role alone needs redis.url)`
    : 'a cluster';
}

/** What the check prints ends up in tickets and build logs. */
function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/[^/@:]*):[^/]*@/, '$1:***@');
}
