/** A tier that has met everything the dashboards show, and a real Prometheus that scrapes it every second. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  freePort,
  rawSmtp,
  startSmtpHost,
  waitFor,
  type HostScript,
  type SmtpHost,
} from '@mailwheel/testkit';
import { stringify } from 'yaml';
import { submitMany } from '../../../test/scenario/bulk.ts';
import { reloadRoutes, startTier, type RoleProcess, type Tier } from '../../../test/scenario/tier.ts';
import { projectFolder } from '../tools.ts';

export interface Stage {
  readonly roles: readonly RoleProcess[];
  metrics(role: RoleProcess): Promise<string>;
  /** Number of series an expression answers with now. */
  series(expr: string): Promise<number>;
  /** More traffic of every kind. */
  traffic(): Promise<void>;
  close(): Promise<void>;
}

/** What the hosts of the destinations do; `good.example` has two that take turns. */
const scripts: Readonly<Record<string, HostScript>> = {
  defers: { rcpt: '450 4.2.1 Try again later' },
  refuses: { rcpt: '550 5.1.1 No such user' },
  vanishes: { final: { end: 'close' } },
  full: { greeting: '452 4.3.1 Insufficient system resources' },
};

export async function openStage(): Promise<Stage> {
  const closers: (() => Promise<unknown>)[] = [];
  const host = async (script: HostScript): Promise<SmtpHost> => {
    const started = await startSmtpHost(script);
    closers.unshift(() => started.stop());
    return started;
  };
  const close = async (): Promise<void> => {
    for (const closer of closers) await closer();
  };
  try {
    const good = [await host({}), await host({})].map(({ port }) => `127.0.0.1:${port}`).join(', ');
    const lines = [`good.example ${good}`];
    for (const [name, script] of Object.entries(scripts))
      lines.push(`${name}.example 127.0.0.1:${(await host(script)).port}`);
    const routes = `${lines.join('\n')}\n`;
    const tier = await startTier({
      workers: 2,
      console: true,
      routes,
      routesFile: true,
      settings: { worker: { drainSeconds: 5 } },
    });
    closers.unshift(() => tier.stop());
    await reloadRoutes(tier, `# again\n${routes}`);
    const prometheus = await startPrometheus(tier);
    closers.unshift(prometheus.stop);
    return {
      roles: tier.roles,
      metrics: (role) => tier.metrics(role),
      series: prometheus.series,
      traffic: () => traffic(tier),
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}

async function traffic(tier: Tier): Promise<void> {
  const to = (index: number): string =>
    `user${index}@${index % 10 < 6 ? 'good' : Object.keys(scripts)[index % 4]}.example`;
  await submitMany({ port: tier.smtpPort, count: 60, connections: 2, to });
  const client = await rawSmtp(tier.smtpPort, {});
  await client.expect(220);
  await client.command('EHLO client.example');
  await client.command('MAIL FROM:<a@source.test>');
  await client.command('RCPT TO:<not an address>');
  await client.command('QUIT');
  client.close();
}

async function startPrometheus(
  tier: Tier,
): Promise<{ readonly series: (expr: string) => Promise<number>; readonly stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'mailwheel-prometheus-'));
  const targets = tier.roles.map(({ addresses }) => addresses['metrics'] ?? addresses['console'] ?? '');
  const configuration = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [`${projectFolder}deploy/prometheus/rules.yml`],
    scrape_configs: [{ job_name: 'mailwheel', static_configs: [{ targets }] }],
  };
  await writeFile(join(folder, 'prometheus.yml'), stringify(configuration));
  const port = await freePort();
  const words = [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ];
  const child = spawn('prometheus', words, { stdio: 'ignore' });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
    await rm(folder, { recursive: true, force: true });
  };
  const series = async (expr: string): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expr)}`);
    const body = (await answer.json()) as { status: string; error?: string; data?: { result: unknown[] } };
    if (body.status !== 'success') throw new Error(`${expr}: ${body.error}`);
    return body.data?.result.length ?? 0;
  };
  try {
    await waitFor(
      'Prometheus to scrape every role',
      () =>
        series('up == 1').then(
          (count) => count === targets.length,
          () => false,
        ),
      30_000,
    );
    return { series, stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}
