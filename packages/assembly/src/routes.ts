/** The resolver and the rotation as every role and command uses them: from settings, one mapping for all. */
import { openResolver, type ExplainingResolver, type RoutesEvent } from '@mailwheel/resolver';
import { createRotation, type Rotation } from '@mailwheel/rotation';
import { readNextHops } from '@mailwheel/routing';
import type { RedisClient } from '@mailwheel/queue';
import type { Settings } from '@mailwheel/settings';

/** Rejects with sentences that name the bad next hop, or with the resolver's `RoutesUnusableError`. */
export async function resolverFor(
  settings: Settings,
  onRoutes?: (event: RoutesEvent) => void,
): Promise<ExplainingResolver> {
  const { routes, routesFile, routesReloadSeconds, delivery, dns, hostname, ownNames, ownAddresses } =
    settings;
  const nextHops = readNextHops(settings.nextHops as Parameters<typeof readNextHops>[0]);
  if (!nextHops.ok) {
    throw new Error(nextHops.errors.map(({ key, message }) => `nextHops."${key}": ${message}`).join('\n'));
  }
  return openResolver({
    ...(routesFile === undefined
      ? routes === undefined
        ? {}
        : { routes: { text: routes } }
      : { routes: { file: routesFile, reloadSeconds: routesReloadSeconds } }),
    ...(onRoutes === undefined ? {} : { onRoutes }),
    dns,
    self: { hostname, ownNames, ownAddresses },
    ipPreference: delivery.ipPreference,
    nextHops: nextHops.nextHops,
    defaults: { tls: delivery.tls },
  });
}

export function rotationFor(settings: Settings, client: RedisClient): Rotation {
  const { delivery, hostHealth, worker } = settings;
  return createRotation({
    client,
    health: hostHealth,
    shySeconds: hostHealth.shySeconds,
    connectionsPerHostMax: delivery.connectionsPerHostMax,
    initialConnections: delivery.initialConnections,
    provenSeconds: delivery.provenSeconds,
    rotate: delivery.rotate,
    connectionLeaseSeconds: worker.lockSeconds,
  });
}
