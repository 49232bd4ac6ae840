/** The one "ready" of `up`, with every address. */
import type { EmbeddedRedis } from '@mailwheel/embedded';
import type { Settings } from '@mailwheel/settings';
import type { Output } from '../output.ts';
import type { RoleName } from '../role.ts';

export interface Readiness {
  readonly roles: ReadonlyMap<RoleName, { addresses(): ReadonlyMap<string, string> }>;
  readonly settings: Settings;
  readonly redis: EmbeddedRedis | undefined;
}

/** A table for people; for programs one line `"event":"ready"` with `addresses` by role. */
export function announceReady(output: Output, readiness: Readiness): void {
  const { roles, settings, redis } = readiness;
  const addresses = Object.fromEntries(
    [...roles].map(([role, process]) => [role, Object.fromEntries(process.addresses())]),
  );
  if (!output.forPeople) {
    const store = redis === undefined ? {} : { redis: { url: redis.url, passwordFile: redis.passwordFile } };
    output.event({
      name: 'ready',
      text: 'Mailwheel is ready',
      fields: { hostname: settings.hostname, addresses, ...store },
    });
    return;
  }
  const rows = [...roles].flatMap(([role, process]) =>
    [...process.addresses()].map(([name, address]) => row(role, name, address)),
  );
  if (redis !== undefined) rows.push(['Data', `${redis.folder} (${redis.url})`]);
  const width = Math.max(...rows.map(([name]) => name.length));
  output.text(
    [
      '',
      output.style(['bold', 'green'], `Mailwheel is ready as ${settings.hostname}.`),
      ...rows.map(([name, address]) => `  ${output.style('dim', name.padEnd(width))}  ${address}`),
      '',
    ].join('\n'),
  );
}

/** What people call the listeners, and what they can click on. */
function row(role: RoleName, name: string, address: string): readonly [what: string, where: string] {
  switch (name) {
    case 'smtp':
      return ['SMTP', address];
    case 'http':
      return ['HTTP API', `http://${address}`];
    case 'console':
      return ['Console', `http://${address}`];
    case 'metrics':
      return [`Metrics of ${role}`, `http://${address}/metrics`];
    default:
      return [`${role} ${name}`, address];
  }
}
