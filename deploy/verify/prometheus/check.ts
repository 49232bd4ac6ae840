/**
 * Rules, their tests and their runbook; the dashboards' expressions against a real Prometheus that scrapes a running tier;
 * the metrics of every role under promtool's lint.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { waitFor } from '@mailwheel/testkit';
import { parse, stringify } from 'yaml';
import { pages } from '../dashboards/pages.ts';
import { assert, check, run, say } from '../report.ts';
import { deployFolder, projectFolder } from '../tools.ts';
import { openStage, type Stage } from './stage.ts';

interface Rule {
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface Rules {
  readonly groups: { readonly name: string; rules: Rule[] }[];
}

const folder = `${deployFolder}prometheus`;
const rules = (): Rules => parse(readFileSync(`${folder}/rules.yml`, 'utf8')) as Rules;
const alerts = (): Rule[] =>
  rules().groups.flatMap((group) => group.rules.filter(({ alert }) => alert !== undefined));

export async function checkPrometheus(): Promise<void> {
  say('Prometheus: rules');
  await check('promtool takes prometheus.yml and its rules', async () => {
    await run('promtool', ['check', 'config', 'prometheus.yml'], { cwd: folder });
  });
  await check('promtool test rules', async () => {
    await run('promtool', ['test', 'rules', 'rules_test.yml'], { cwd: folder });
    return `${alerts().length} alerts`;
  });
  await check('every alert is expected to fire in one of the tests', everyAlertFires);
  await check('every alert has a severity, a summary and a section of the runbook', runbook);
  await check('every expression of the dashboards is PromQL', dashboardSyntax);
  say('Prometheus: a running tier');
  const stage = await check('a tier of ingress, two workers and console is scraped', async () => {
    const opened = await openStage();
    return opened;
  });
  if (stage === undefined) return;
  try {
    await checkLive(stage);
  } finally {
    await stage.close();
  }
}

interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test?: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly unknown[];
    }[];
    readonly promql_expr_test?: readonly { readonly exp_samples: readonly { readonly labels?: string }[] }[];
  }[];
}

/** That they are silent on a good tier is one of the tests itself: it expects no alert at all. */
function everyAlertFires(): void {
  const { tests } = parse(readFileSync(`${folder}/rules_test.yml`, 'utf8')) as RuleTests;
  const fired = tests.flatMap((test) => [
    ...(test.alert_rule_test ?? []).filter((one) => one.exp_alerts.length > 0).map((one) => one.alertname),
    ...(test.promql_expr_test ?? [])
      .flatMap((one) => one.exp_samples)
      .map(({ labels }) => /alertname="(\w+)"/.exec(labels ?? '')?.[1]),
  ]);
  const never = alerts().filter(({ alert }) => !fired.includes(alert));
  assert(never.length === 0, `never seen firing: ${never.map(({ alert }) => alert).join(', ')}`);
}

function runbook(): void {
  const headings = [...readFileSync(`${projectFolder}docs/runbook.md`, 'utf8').matchAll(/^## (.+)$/gm)].map(
    ([, text]) => text ?? '',
  );
  const anchors = new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
  const faults: string[] = [];
  const linked = new Set<string>();
  for (const { alert, labels, annotations } of alerts()) {
    if (!['critical', 'warning'].includes(labels?.['severity'] ?? ''))
      faults.push(`${alert} has no severity`);
    if (annotations?.['summary'] === undefined) faults.push(`${alert} has no summary`);
    const anchor = /^docs\/runbook\.md#(.+)$/.exec(annotations?.['runbook'] ?? '')?.[1] ?? '';
    linked.add(anchor);
    if (!anchors.has(anchor))
      faults.push(`${alert} links to ${annotations?.['runbook']}, which is not there`);
  }
  for (const anchor of anchors)
    if (!linked.has(anchor)) faults.push(`no alert leads to the section ${anchor}`);
  assert(faults.length === 0, faults.join('\n'));
}

interface Panel {
  readonly type: string;
  readonly title?: string;
  readonly targets?: readonly { readonly expr: string }[];
  readonly panels?: readonly Panel[];
}

/** Panel and expression, with Grafana's variables replaced by what they may stand for. */
function dashboardQueries(): { readonly panel: string; readonly expr: string }[] {
  const of = (page: string, panel: Panel): { panel: string; expr: string }[] => [
    ...(panel.targets ?? []).map(({ expr }) => ({
      panel: `${page}: ${panel.title}`,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(route|destination)\b/g, '.*'),
    })),
    ...(panel.panels ?? []).flatMap((inner) => of(page, inner)),
  ];
  return Object.entries(pages).flatMap(([page, { panels }]) =>
    (panels as unknown as readonly Panel[]).flatMap((panel) => of(page, panel)),
  );
}

async function dashboardSyntax(): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'mailwheel-rules-'));
  try {
    const asked = dashboardQueries();
    assert(asked.length > 40, `only ${asked.length} expressions were found`);
    const asRules = asked.map(({ expr }, index) => ({ record: `panel:${index}`, expr }));
    writeFileSync(join(work, 'rules.yml'), stringify({ groups: [{ name: 'panels', rules: asRules }] }));
    await run('promtool', ['check', 'rules', `${work}/rules.yml`]);
    return `${asked.length} expressions`;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function checkLive(stage: Stage): Promise<void> {
  await check('every panel of every dashboard shows something', async () => {
    const asked = dashboardQueries();
    let empty = asked;
    await waitFor(
      'answers',
      async () => {
        // Again each time: a rate needs two scrapes between which something happened.
        await stage.traffic();
        await setTimeout(500);
        const answers = await Promise.all(
          empty.map(async (one) => ({ one, count: await stage.series(one.expr) })),
        );
        empty = answers.filter(({ count }) => count === 0).map(({ one }) => one);
        return empty.length === 0;
      },
      60_000,
    ).catch(() => undefined);
    assert(empty.length === 0, `empty:\n${empty.map(({ panel, expr }) => `${panel}: ${expr}`).join('\n')}`);
    return `${asked.length} expressions`;
  });
  await check(
    'every alert can be computed on it, and the host that is full is told as unhealthy',
    async () => {
      for (const { expr } of alerts()) await stage.series(expr);
      await waitFor(
        'the full host',
        async () => (await stage.series('max by (host) (mailwheel_host_state{state="unhealthy"}) == 1')) > 0,
      );
    },
  );
  for (const role of ['ingress', 'worker', 'console'] as const) {
    await check(`promtool check metrics: ${role}`, async () => {
      const process = stage.roles.find((one) => one.role === role);
      assert(process !== undefined, 'it does not run');
      const text = await stage.metrics(process);
      // prom-client's own gauges with a counter's name; promtool is right about them, the name is Node's de facto standard.
      const own = text
        .split('\n')
        .filter((line) => !/nodejs_active_(handles|requests|resources)_total/.test(line));
      const { code, all } = await run('promtool', ['check', 'metrics'], {
        input: own.join('\n'),
        mayFail: true,
      });
      assert(code === 0 && all.trim() === '', all);
      return `${own.filter((line) => line.startsWith('mailwheel_')).length} series`;
    });
  }
}
