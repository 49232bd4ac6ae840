/** `mailwheel config check`. */
import { resolverFor } from '@mailwheel/assembly';
import { formatListen } from '@mailwheel/settings';
import type { Invocation } from './command.ts';
import { settingsFor } from './configuration.ts';

/** The mistakes, or the listeners, the Redis and the routes that a start would use. */
export async function checkConfiguration(call: Invocation): Promise<number> {
  const { settings, warnings } = await settingsFor('up', call);
  const resolver = await resolverFor(settings);
  const { routes } = resolver.routeTable();
  await resolver.close();
  const file = call.options.config ?? 'defaults and environment';
  const { redis } = settings;
  const store =
    (redis.url ?? (redis.sentinel ?? redis.cluster) === undefined)
      ? (redis.url ?? `embedded, in ${settings.dataFolder} (with "up"; a role alone needs redis.url)`)
      : redis.sentinel === undefined
        ? 'a cluster'
        : `the master "${redis.sentinel.name}" behind Sentinel`;
  call.output.text(`${file}: the settings are good.`);
  call.output.text(
    [
      `  SMTP     ${formatListen(settings.ingress.smtp.listen)}`,
      `  HTTP     ${formatListen(settings.ingress.http.listen)}`,
      `  console  ${formatListen(settings.console.listen)}`,
      `  metrics  ${formatListen(settings.ingress.listen)} (ingress), ${formatListen(settings.worker.listen)} (worker)`,
      `  Redis    ${store}`,
      `  routes   ${routes.length}`,
    ].join('\n'),
  );
  for (const warning of warnings) call.output.text(call.output.style('red', `  warning: ${warning}`));
  return 0;
}
