/**
 * `mailwheel routes explain ADDRESS`: which route matches and why, the tiers, and the hosts in the order in which an attempt
 * would ask them now, with their health. Sends nothing and takes no turn.
 */
import { resolverFor, rotationFor } from '@mailwheel/assembly';
import type { DestinationKey } from '@mailwheel/envelope';
import { findRunningRedis } from '@mailwheel/embedded';
import type { PlanExplanation } from '@mailwheel/resolver';
import type { Settings } from '@mailwheel/settings';
import type { Invocation } from '../command.ts';
import { settingsFor } from '../configuration.ts';
import { destinationOf } from '../queue/arguments.ts';
import { withStore } from '../store.ts';
import { duration, table } from '../table.ts';
import { orderHosts, type HostKnowledge, type OrderedHost } from './order.ts';

export async function explainRoute(call: Invocation): Promise<number> {
  const destination = destinationOf(call.values[0] ?? '');
  const { settings } = await settingsFor('tool', call);
  const explanation = await explain(settings, destination);
  const known = await healthOfHosts(call, settings);
  const tiers = explanation.plan.kind === 'tiers' ? explanation.plan.tiers : [];
  const nothingKnown = { hosts: [], cursors: [], nowMs: Date.now(), aloneRestMs: 0 };
  const hosts = orderHosts(tiers, known ?? nothingKnown);
  if (call.options.json === true) {
    call.output.json({ ...explanation, hosts, healthKnown: known !== undefined });
  } else {
    call.output.text(textOf(explanation, hosts, known));
  }
  return 0;
}

async function explain(settings: Settings, destination: DestinationKey): Promise<PlanExplanation> {
  const resolver = await resolverFor(settings);
  try {
    return await resolver.explain(destination);
  } finally {
    await resolver.close();
  }
}

/** What the tier knows of its hosts; undefined: no Redis runs to ask, the written order is all there is. */
async function healthOfHosts(call: Invocation, settings: Settings): Promise<HostKnowledge | undefined> {
  const { url, sentinel, cluster } = settings.redis;
  const external = (url ?? sentinel ?? cluster) !== undefined;
  if (!external && (await findRunningRedis(settings.dataFolder)) === undefined) return undefined;
  let known: HostKnowledge | undefined;
  await withStore(call, async ({ client, clock }) => {
    const rotation = rotationFor(settings, client);
    const [hosts, cursors] = await Promise.all([rotation.hosts(), rotation.cursors()]);
    known = {
      hosts,
      cursors,
      nowMs: clock.nowMs(),
      aloneRestMs: settings.hostHealth.aloneRestSeconds * 1_000,
    };
    return 0;
  });
  return known;
}

function textOf(
  explanation: PlanExplanation,
  hosts: readonly OrderedHost[],
  known: HostKnowledge | undefined,
): string {
  const { destination, route, plan, notes } = explanation;
  const lines = [`${destination}: ${route.why}`];
  for (const passed of route.passedOver) lines.push(`  less specific: line ${passed.line} ${passed.key}`);
  for (const note of notes) lines.push(`  ${note}`);
  switch (plan.kind) {
    case 'discard':
      lines.push('Mail for it is accepted and discarded (/dev/null).');
      break;
    case 'bounce':
      lines.push(`Mail for it bounces: ${plan.enhancedCode} ${plan.text}`);
      break;
    case 'defer':
      lines.push(`Mail for it waits: ${plan.enhancedCode} ${plan.text}`);
      break;
    case 'tiers':
      lines.push(
        known === undefined
          ? 'No Redis runs here, so the health of the hosts is not known:'
          : 'An attempt that began now would ask:',
        table(
          ['', 'host', 'tier', 'state', 'turns', 'TLS', 'last trouble'],
          hosts.map((host) => hostRow(host, known)),
        ),
      );
  }
  return lines.join('\n');
}

function hostRow(entry: OrderedHost, known: HostKnowledge | undefined): string[] {
  const { host, untilMs } = entry;
  const resting = entry.state === 'unhealthy' && untilMs !== undefined && known !== undefined;
  const leftMs = resting ? untilMs - known.nowMs : 0;
  return [
    entry.place === undefined ? '-' : `${entry.place}.`,
    host.name === undefined ? host.label : `${host.label} (${host.name})`,
    String(entry.tier),
    known === undefined ? '' : leftMs > 0 ? `rests, ${duration(leftMs)} left` : entry.state,
    known === undefined ? '' : String(entry.turns),
    host.policy.tls,
    entry.lastReply ?? '',
  ];
}
