/**
 * Counters, gauges and histograms: prom-client's, with typed labels and with bounds on labels whose values come from the
 * world. Counting with two labels costs a quarter of a microsecond, and prom-client's bound children cost the same (they
 * hash the labels again at every `inc`), so nothing is cached here.
 */
import {
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  type Registry,
} from 'prom-client';
import type { BoundedLabel } from './bounded-label.ts';

export type Labels<L extends string> = Readonly<Record<L, string>>;

/** Labels come first where there are any: `add({ host, mode })`, `add()`, `add(512)`. */
export type LabelsThen<L extends string, Rest extends readonly unknown[]> = [L] extends [never]
  ? Rest
  : [labels: Labels<L>, ...rest: Rest];

export interface SeriesOptions<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly L[];
  /** Bounds by label name; those of labels that the metric does not have are ignored. */
  readonly bounds?: Readonly<Record<string, BoundedLabel>>;
}

type Given = Readonly<Record<string, string>> | number | undefined;

/** Puts `other` in the place of label values beyond their bound. Copies only then. */
class Bounds {
  readonly #of: readonly (readonly [string, BoundedLabel])[];

  constructor(options: SeriesOptions<string>) {
    this.#of = Object.entries(options.bounds ?? {}).filter(([name]) => options.labels.includes(name));
  }

  apply(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    let bounded = labels;
    for (const [name, bound] of this.#of) {
      const value = labels[name] ?? '';
      const label = bound(value);
      if (label !== value) bounded = { ...bounded, [name]: label };
    }
    return bounded;
  }
}

/** A number that only grows. */
export class Counter<L extends string = never> {
  readonly #counter: PromCounter;
  readonly #bounds: Bounds;

  constructor(registry: Registry, options: SeriesOptions<L>) {
    const { name, help, labels } = options;
    this.#counter = new PromCounter({ name, help, labelNames: labels, registers: [registry] });
    this.#bounds = new Bounds(options);
  }

  /** Adds an amount, 1 by default. */
  add(...given: LabelsThen<L, [amount?: number]>): void {
    const [first, second] = given as readonly Given[];
    if (typeof first === 'object')
      this.#counter.inc(this.#bounds.apply(first), (second as number | undefined) ?? 1);
    else this.#counter.inc(first ?? 1);
  }
}

/** A number that goes up and down. */
export class Gauge<L extends string = never> {
  readonly #gauge: PromGauge;
  readonly #bounds: Bounds;
  #read: (() => number) | undefined;

  constructor(registry: Registry, options: SeriesOptions<L>) {
    const { name, help, labels } = options;
    const read = (): number | undefined => this.#read?.();
    this.#gauge = new PromGauge({
      name,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        const current = read();
        if (current !== undefined) this.set(current);
      },
    });
    this.#bounds = new Bounds(options);
  }

  set(...given: LabelsThen<L, [value: number]>): void {
    const [first, second] = given as readonly Given[];
    if (typeof first === 'object') this.#gauge.set(this.#bounds.apply(first), second as number);
    else this.#gauge.set(first as number);
  }

  /** Adds an amount, which may be negative. */
  add(...given: LabelsThen<L, [amount: number]>): void {
    const [first, second] = given as readonly Given[];
    if (typeof first === 'object') this.#gauge.inc(this.#bounds.apply(first), second as number);
    else this.#gauge.inc(first as number);
  }

  /** For a gauge without labels: asked at each scrape. */
  readFrom(read: () => number): void {
    this.#read = read;
  }

  /**
   * Puts a whole snapshot in place of what was: series that are not in it vanish. Values that fall together under `other`
   * are added up, so begin the snapshot with what deserves its own series.
   */
  replace(snapshot: Iterable<readonly [Labels<L>, number]>): void {
    this.#gauge.reset();
    for (const [labels, value] of snapshot) this.#gauge.inc(this.#bounds.apply(labels), value);
  }
}

/** A distribution, without labels: a scrape has as many series as it has buckets. */
export class Histogram {
  readonly #histogram: PromHistogram;

  constructor(
    registry: Registry,
    options: { readonly name: string; readonly help: string; readonly buckets: readonly number[] },
  ) {
    const { name, help, buckets } = options;
    this.#histogram = new PromHistogram({ name, help, buckets: [...buckets], registers: [registry] });
  }

  observe(value: number): void {
    this.#histogram.observe(value);
  }
}
