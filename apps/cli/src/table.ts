/** Columns for people, and times as people say them. */

/** Aligns `rows` under `head`; columns whose values are all numbers stand to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = head.map((title, index) => {
    const values = rows.map((row) => row[index] ?? '');
    return {
      width: Math.max(title.length, ...values.map((value) => value.length)),
      right: values.length > 0 && values.every((value) => /^\d*$/.test(value)),
    };
  });
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ width, right }, index) =>
        right ? (cells[index] ?? '').padStart(width) : (cells[index] ?? '').padEnd(width),
      )
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)].join('\n');
}

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** `3 d`, `12 min`, `4 s`: the largest unit that fits, rounded down. Negative counts as 0. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const [unit, size] = units.find(([, length]) => seconds >= length) ?? ['s', 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** `2026-11-24 16:45:20 UTC`. */
export function instant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
