/** The registry of one process: what is scraped, and in which form. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { boundedLabel } from './bounded-label.ts';
import { Counter, Gauge, Histogram, type SeriesOptions } from './series.ts';
import type { LabelBounds } from './specs.ts';

export interface MetricRegistry {
  counter<L extends string>(options: SeriesOptions<L>): Counter<L>;
  gauge<L extends string>(options: SeriesOptions<L>): Gauge<L>;
  histogram(options: {
    readonly name: string;
    readonly help: string;
    readonly buckets: readonly number[];
  }): Histogram;
  /** Text exposition format 0.0.4. */
  text(): Promise<string>;
  readonly contentType: string;
}

export interface RegistryOptions {
  /** Metrics of Node itself (CPU, memory, event loop). Default: true. */
  readonly processMetrics?: boolean;
}

/**
 * prom-client's gauges of active handles and requests are taken out: their names break the naming rules that promtool
 * checks (`_total` on a gauge), and an operator of mail has no use for them.
 */
const unwanted = [
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
] as const;

export function createRegistry(options: RegistryOptions = {}): MetricRegistry {
  const registry = new Registry();
  if (options.processMetrics ?? true) {
    collectDefaultMetrics({ register: registry });
    for (const name of unwanted) registry.removeSingleMetric(name);
  }
  return {
    counter: (series) => new Counter(registry, series),
    gauge: (series) => new Gauge(registry, series),
    histogram: (series) => new Histogram(registry, series),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** The bounds of this product's labels, from the `metrics` settings. One set for the whole process. */
export function labelBounds(limits: {
  readonly destinationsMax: number;
  readonly hostsMax: number;
}): LabelBounds {
  return {
    destination: boundedLabel(limits.destinationsMax),
    route: boundedLabel(limits.destinationsMax),
    host: boundedLabel(limits.hostsMax),
  };
}
