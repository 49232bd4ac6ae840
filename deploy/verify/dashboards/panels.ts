/** The few kinds of panels that the dashboards use, each with the same look. */
import {
  StackingMode,
  VizTooltipOptionsBuilder,
  TooltipDisplayMode,
  StackingConfigBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  MappingType,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  type Dashboard,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

const datasource = { type: 'prometheus', uid: '${datasource}' };

/** An expression and what its series are called. */
export type Query = readonly [expr: string, legend: string];

export interface Look {
  readonly title: string;
  /** What the panel answers, and what to look for; shown behind the i. */
  readonly says?: string;
  /** Grafana's name: `s`, `bytes`, `percentunit`, `short`, `ops`. */
  readonly unit?: string;
  /** Of 24. Default 12. */
  readonly width?: number;
  readonly stacked?: boolean;
  readonly max?: number;
}

export type Panel = TimeseriesBuilder | StatBuilder | TimelineBuilder;

function queries(wanted: readonly Query[]): DataqueryBuilder[] {
  return wanted.map(([expr, legend], index) =>
    new DataqueryBuilder()
      .refId(String.fromCharCode('A'.charCodeAt(0) + index))
      .expr(expr)
      .legendFormat(legend),
  );
}

export function lines(look: Look, ...wanted: Query[]): TimeseriesBuilder {
  const panel = new TimeseriesBuilder()
    .title(look.title)
    .description(look.says ?? '')
    .unit(look.unit ?? 'short')
    .datasource(datasource)
    .height(8)
    .span(look.width ?? 12)
    .min(0)
    .fillOpacity(look.stacked === true ? 40 : 8)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .targets(queries(wanted));
  if (look.stacked === true) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  return look.max === undefined ? panel : panel.max(look.max);
}

export function figure(look: Look, query: Query): StatBuilder {
  return new StatBuilder()
    .title(look.title)
    .description(look.says ?? '')
    .unit(look.unit ?? 'short')
    .datasource(datasource)
    .height(4)
    .span(look.width ?? 4)
    .targets(queries([query]));
}

/** A line of time for each series; `states` gives each number its word and colour. */
export function timeline(
  look: Look,
  states: Readonly<Record<string, readonly [word: string, colour: string]>>,
  query: Query,
): TimelineBuilder {
  const options = Object.fromEntries(
    Object.entries(states).map(([value, [text, color]], index) => [value, { text, color, index }]),
  );
  return new TimelineBuilder()
    .title(look.title)
    .description(look.says ?? '')
    .datasource(datasource)
    .height(10)
    .span(look.width ?? 24)
    .mergeValues(true)
    .mappings([{ type: MappingType.ValueToText, options }])
    .targets(queries([query]));
}

export interface Page {
  readonly uid: string;
  readonly title: string;
  readonly says: string;
  /** Variables beside the data source: name and the query that lists its values. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly rows: Readonly<Record<string, readonly Panel[]>>;
}

export function dashboard(page: Page): Dashboard {
  const builder = new DashboardBuilder(page.title)
    .uid(page.uid)
    .description(page.says)
    .tags(['mailwheel'])
    .refresh('30s')
    .time({ from: 'now-6h', to: 'now' })
    .timezone('browser')
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'));
  for (const [name, query] of Object.entries(page.variables ?? {})) {
    builder.withVariable(
      new QueryVariableBuilder(name)
        .query(query)
        .datasource(datasource)
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .includeAll(true)
        .allValue('.*')
        .multi(true),
    );
  }
  for (const [title, panels] of Object.entries(page.rows)) {
    builder.withRow(new RowBuilder(title));
    for (const panel of panels) builder.withPanel(panel);
  }
  return builder.build();
}
