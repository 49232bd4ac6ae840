/** Samples -> tables, for a terminal and for a page. */
import { median, medians } from '../measure/median.ts';
import type { Row, Sample } from '../rows/row.ts';

export interface RowResult {
  readonly row: Row;
  readonly samples: readonly Sample[];
  /** Why samples are missing. */
  readonly broken: readonly string[];
}

type Cells = readonly string[];

/** Figures of every row: rate with its spread, CPU and memory by process. */
export function ratesTable(results: readonly RowResult[]): Cells[] {
  const head = ['row', 'messages/s', 'spread', 'accepted/s', 'CPU us a message', 'resident MB'];
  return [head, ...results.map(({ row, samples }) => ratesOf(row, samples))];
}

function ratesOf(row: Row, samples: readonly Sample[]): Cells {
  const rates = samples.map((sample) => sample.perSecond);
  const accepted = samples.flatMap((sample) => sample.acceptedPerSecond ?? []);
  return [
    row.name,
    whole(median(rates)),
    `${whole(Math.min(...rates))} to ${whole(Math.max(...rates))}`,
    accepted.length === 0 ? '' : whole(median(accepted)),
    withTotal(medians(samples.map((sample) => sample.cpuMicroseconds))),
    named(medians(samples.map((sample) => sample.residentMegabytes))),
  ];
}

/** What a message asks of Redis. */
export function redisTable(results: readonly RowResult[]): Cells[] {
  const head = ['row', 'client commands', 'commands run', 'us in scripts', 'us of CPU'];
  const body = results.flatMap(({ row, samples }) => {
    const redis = samples.flatMap((sample) => sample.redis ?? []);
    if (redis.length === 0) return [];
    const of = medians(redis.map((one) => ({ ...one })));
    const cpu = median(samples.flatMap((sample) => sample.cpuMicroseconds['redis'] ?? []));
    const cells = [of['commandsRun'], of['commandMicroseconds'], cpu];
    return [
      [
        row.name,
        (of['clientCommands'] ?? Number.NaN).toFixed(1),
        ...cells.map((cell) => whole(cell ?? Number.NaN)),
      ],
    ];
  });
  return body.length === 0 ? [] : [head, ...body];
}

/** Each row's rate over those it is compared with, repeat by repeat, and the median of that. */
export function ratiosTable(results: readonly RowResult[]): Cells[] {
  const head = ['row', 'over', 'ratio', 'spread'];
  const body = results.flatMap(({ row, samples }) =>
    (row.against ?? []).flatMap((name) => {
      const other = results.find((result) => result.row.name === name);
      const ratios = samples.flatMap((sample, at) => {
        const beside = other?.samples[at];
        return beside === undefined ? [] : [sample.perSecond / beside.perSecond];
      });
      if (ratios.length === 0) return [];
      return [
        [
          row.name,
          name,
          median(ratios).toFixed(2),
          `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
        ],
      ];
    }),
  );
  return body.length === 0 ? [] : [head, ...body];
}

/** Columns padded, for a terminal. */
export function plain(cells: readonly Cells[]): string {
  const widths = columnWidths(cells);
  return cells
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function markdown(cells: readonly Cells[]): string {
  const [head = [], ...body] = cells;
  const line = (of: Cells): string => `| ${of.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n');
}

function columnWidths(cells: readonly Cells[]): number[] {
  return (cells[0] ?? []).map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)));
}

function withTotal(byName: Readonly<Record<string, number>>): string {
  const total = Object.values(byName).reduce((sum, value) => sum + value, 0);
  return `${whole(total)}: ${named(byName)}`;
}

function named(byName: Readonly<Record<string, number>>): string {
  return Object.entries(byName)
    .filter(([, value]) => value >= 0.5)
    .map(([name, value]) => `${name} ${whole(value)}`)
    .join(', ');
}

function whole(value: number): string {
  return Number.isNaN(value) ? '-' : Math.round(value).toLocaleString('en-US');
}
