/** A metric as it is declared: kind, name and help together, so that the reference page and the registry are one. */
import type { BoundedLabel } from './bounded-label.ts';
import type { MetricRegistry } from './registry.ts';
import type { Counter, Gauge, Histogram } from './series.ts';

export type MetricSpec =
  | {
      readonly kind: 'counter' | 'gauge';
      /** Base unit last, `_total` for counters. */
      readonly name: string;
      readonly help: string;
      readonly labels: readonly string[];
    }
  | {
      readonly kind: 'histogram';
      readonly name: string;
      readonly help: string;
      readonly buckets: readonly number[];
    };

/** The object that a group of declarations becomes. */
export type MetricsOf<S extends Readonly<Record<string, MetricSpec>>> = {
  readonly [K in keyof S]: S[K] extends {
    readonly kind: 'counter';
    readonly labels: readonly (infer L extends string)[];
  }
    ? Counter<L>
    : S[K] extends { readonly kind: 'gauge'; readonly labels: readonly (infer L extends string)[] }
      ? Gauge<L>
      : Histogram;
};

/** Bounds by label name: they hold for every metric with that label, so that a host is named in all of them or in none. */
export type LabelBounds = Readonly<Record<string, BoundedLabel>>;

/** Registers a group of declarations. A role registers the groups it moves, and no other. */
export function createMetrics<const S extends Readonly<Record<string, MetricSpec>>>(
  registry: MetricRegistry,
  specs: S,
  bounds: LabelBounds,
): MetricsOf<S> {
  const metrics = Object.entries(specs).map(([key, spec]) => {
    switch (spec.kind) {
      case 'counter':
        return [key, registry.counter({ ...spec, bounds })] as const;
      case 'gauge':
        return [key, registry.gauge({ ...spec, bounds })] as const;
      case 'histogram':
        return [key, registry.histogram(spec)] as const;
    }
  });
  return Object.fromEntries(metrics) as MetricsOf<S>;
}
