/** The reference page of metrics, made from the declarations. */
import { deliveryMetrics } from './delivery.ts';
import { hostMetrics } from './hosts.ts';
import { ingressMetrics } from './ingress.ts';
import { processMetrics } from './process.ts';
import { queueMetrics } from './queue.ts';
import type { MetricSpec } from './specs.ts';

export interface MetricGroup {
  readonly title: string;
  readonly specs: Readonly<Record<string, MetricSpec>>;
}

export const metricGroups: readonly MetricGroup[] = [
  { title: 'Ingress', specs: ingressMetrics },
  { title: 'Delivery', specs: deliveryMetrics },
  { title: 'Hosts', specs: hostMetrics },
  { title: 'Queues', specs: queueMetrics },
  { title: 'Process and Redis', specs: processMetrics },
];

const introduction = `# Metrics

<!-- Generated from packages/telemetry by \`renderMetricsReference()\`; test/structure compares. Do not edit. -->

Every process has \`/metrics\` on its own listener (\`ingress.listen\`, \`worker.listen\`, \`console.listen\`), in the Prometheus text
format, beside \`/livez\` and \`/readyz\`. Labels whose values come from the world are bounded: beyond
\`metrics.destinationsMax\` destinations and routes and \`metrics.hostsMax\` hosts, the rest is counted as \`other\`. Node's own
metrics (\`process_*\`, \`nodejs_*\`) come from prom-client and are not listed. Names are still subject to change before 1.0.`;

/** Text of `docs/metrics.md`. */
export function renderMetricsReference(): string {
  const parts = metricGroups.map(({ title, specs }) => {
    const rows = Object.values(specs).map(row);
    return [
      `## ${title}`,
      '',
      '| metric | kind | labels | meaning |',
      '| --- | --- | --- | --- |',
      ...rows,
    ].join('\n');
  });
  return `${[introduction, ...parts].join('\n\n')}\n`;
}

function row(spec: MetricSpec): string {
  const labels = spec.kind === 'histogram' ? [] : spec.labels;
  const labelText = labels.length === 0 ? '-' : labels.map((label) => `\`${label}\``).join(', ');
  return `| \`${spec.name}\` | ${spec.kind} | ${labelText} | ${spec.help} |`;
}
