/**
 * Labels with an end. A label whose values come from the world (destinations, hosts, routes) would make a time series for
 * each of them and sink the monitoring; the first `max` values keep their own series, the rest are counted together.
 */

export const overflowLabel = 'other';

/** Maps a value to itself while there is room, then to `other`. The same value always maps to the same label. */
export type BoundedLabel = (value: string) => string;

/** First come, first served, for the life of the process: a series that changed its meaning would be worse than `other`. */
export function boundedLabel(max: number): BoundedLabel {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= max) return overflowLabel;
    known.add(value);
    return value;
  };
}
