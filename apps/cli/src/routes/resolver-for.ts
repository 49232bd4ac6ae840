/** Routes, next hops and DNS as a worker reads them, for commands that look at them. */
import { openResolver, RoutesUnusableError, type ExplainingResolver } from '@mailwheel/resolver';
import { readNextHops, type NextHopSetting } from '@mailwheel/routing';
import type { Settings } from '@mailwheel/settings';
import { CommandFailure } from '../command.ts';

/** Rejects with a `CommandFailure` that names each fault when routes or next hops cannot be used. */
export async function openResolverFor(settings: Settings): Promise<ExplainingResolver> {
  const { routes, routesFile, delivery, dns, hostname, ownNames, ownAddresses } = settings;
  const nextHops = readNextHops(settings.nextHops as Readonly<Record<string, NextHopSetting>>);
  if (!nextHops.ok) {
    throw new CommandFailure(
      nextHops.errors.map(({ key, message }) => `nextHops."${key}": ${message}`).join('\n'),
    );
  }
  const inline = routes === undefined ? undefined : { text: routes };
  const origin = routesFile === undefined ? inline : { file: routesFile };
  try {
    return await openResolver({
      ...(origin === undefined ? {} : { routes: origin }),
      dns,
      self: { hostname, ownNames, ownAddresses },
      ipPreference: delivery.ipPreference,
      nextHops: nextHops.nextHops,
      defaults: { tls: delivery.tls },
    });
  } catch (error) {
    if (error instanceof RoutesUnusableError) throw new CommandFailure(error.message, { cause: error });
    throw error;
  }
}
