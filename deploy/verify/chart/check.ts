/** The chart: linted, rendered with every case of the matrix by Helm 3 and 4, every document validated, refusals tried. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, check, run, say } from '../report.ts';
import { chartFolder, deployFolder, helms, type Helm } from '../tools.ts';
import { faultsOf } from './assertions.ts';
import { generatedFiles, plainManifests } from './generated.ts';
import { full, matrix, refused, type ValuesCase } from './matrix.ts';
import { documents, helmWith, render, type Manifest } from './render.ts';
import { schemaFaults, typeFaults } from './schema-check.ts';

export async function checkChart(): Promise<void> {
  say('Helm chart');
  const tools = await check('Helm 3 and 4 are unpacked', helms);
  const [older] = tools ?? [];
  if (tools === undefined || older === undefined) return;
  for (const helm of tools) await checkWith(helm);
  const rendered: Record<string, readonly Manifest[]> = {};
  for (const one of matrix) {
    await check(`${one.name}: documents are valid and agree with one another`, async () => {
      const manifests = documents(await render(older, one.values));
      rendered[one.name] = manifests;
      const faults = [...(await schemaFaults(manifests)), ...faultsOf(manifests)];
      assert(faults.length === 0, faults.join('\n'));
      return `${manifests.length} documents`;
    });
  }
  await check('no document of any case has a field that Kubernetes does not know', async () => {
    const faults = await typeFaults(rendered);
    assert(faults === '', faults);
  });
  await checkJudges(older);
  await check(
    'values.schema.json and the copies in chart/files are as generated (node deploy/verify/write.ts)',
    () => {
      const stale = generatedFiles().filter(({ path, text }) => read(path) !== text);
      assert(stale.length === 0, `not current: ${stale.map(({ path }) => path).join(', ')}`);
    },
  );
  await check('deploy/manifests.yaml is what the chart renders (node deploy/verify/write.ts)', async () => {
    assert(
      read(`${deployFolder}manifests.yaml`) === (await plainManifests(older)),
      'deploy/manifests.yaml is not current',
    );
  });
  await check(
    'a Redis starts with the rendered redis.conf and keeps what it was given',
    checkRedisConfiguration,
  );
}

async function checkWith(helm: Helm): Promise<void> {
  await check(`Helm ${helm.version} lints it strictly, with every case`, async () => {
    for (const { name, values } of matrix) {
      const { code, all } = await helmWith(helm, ['lint', '--strict'], values);
      assert(code === 0, `${name}: ${all}`);
    }
    return `${matrix.length} cases`;
  });
  for (const { name, values, says } of refused) {
    await check(`Helm ${helm.version} refuses ${name}`, async () => {
      const { code, all } = await helmWith(helm, ['template', 'mailwheel'], values);
      assert(code !== 0, 'it was rendered');
      assert(says.test(all), `it was refused with another sentence: ${all}`);
    });
  }
  await check(`Helm ${helm.version} renders what the other renders`, async () => {
    const [other] = (await helms()).filter(({ version }) => version !== helm.version);
    assert(other !== undefined, 'there is no other');
    for (const one of matrix) await sameRendering(one, helm, other);
  });
}

async function sameRendering(one: ValuesCase, helm: Helm, other: Helm): Promise<void> {
  const ordered = (text: string): string =>
    JSON.stringify(
      documents(text).toSorted((a, b) =>
        `${a.kind}${a.metadata.name}`.localeCompare(`${b.kind}${b.metadata.name}`),
      ),
    );
  const [mine, theirs] = [ordered(await render(helm, one.values)), ordered(await render(other, one.values))];
  assert(mine === theirs, `${one.name} is rendered differently`);
}

/** The judges are judged: a fault put into a good rendering must be found by the one whose matter it is. */
async function checkJudges(helm: Helm): Promise<void> {
  const text = await render(helm, full.values);
  const planted: readonly (readonly [
    name: string,
    from: string,
    to: string,
    judge: 'schema' | 'types' | 'own',
  ])[] = [
    ['a number that is none', 'maxReplicas: 10', 'maxReplicas: lots', 'schema'],
    ['an interval that is none', 'interval: 15s', 'interval: 15 seconds', 'schema'],
    ['a misspelt field', 'maxReplicaCount:', 'maxReplicasCount:', 'types'],
    ['a port that no pod has', 'targetPort: smtp', 'targetPort: mail', 'own'],
    [
      'a grace period shorter than the drain',
      'terminationGracePeriodSeconds: 150',
      'terminationGracePeriodSeconds: 120',
      'own',
    ],
    ['a setting out of its limits', 'drainSeconds: 120', 'drainSeconds: 99999', 'own'],
    [
      'a selector of others',
      '\n      app.kubernetes.io/component: worker',
      '\n      app.kubernetes.io/component: workers',
      'own',
    ],
    [
      'a secret that is not mounted',
      'mountPath: /etc/mailwheel/redis-password',
      'mountPath: /etc/other',
      'own',
    ],
  ];
  for (const [name, from, to, judge] of planted) {
    await check(`a planted fault is found: ${name}`, async () => {
      assert(text.includes(from), `nothing to plant it in: ${from}`);
      const spoilt = documents(text.replace(from, to));
      const found =
        judge === 'types'
          ? (await typeFaults({ spoilt })) !== ''
          : (judge === 'schema' ? await schemaFaults(spoilt) : faultsOf(spoilt)).length > 0;
      assert(found, 'it was not found');
    });
  }
}

async function checkRedisConfiguration(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'mailwheel-redis-'));
  try {
    const text = readFileSync(`${chartFolder}/files/redis.conf`, 'utf8').replace('@MAXMEMORY@', '100mb');
    const changed = text
      .replace('dir /data', `dir ${folder}`)
      .replace('port 6379', `port 0\nunixsocket ${folder}/socket`);
    writeFileSync(join(folder, 'redis.conf'), changed);
    const script = `redis-server ${folder}/redis.conf --daemonize yes --pidfile ${folder}/pid >/dev/null
      cli() { redis-cli -s ${folder}/socket "$@"; }
      for i in 1 2 3 4 5 6 7 8 9 10; do cli ping >/dev/null 2>&1 && break; sleep 0.2; done
      cli set kept yes; kill -9 $(cat ${folder}/pid); sleep 0.3; rm -f ${folder}/socket
      redis-server ${folder}/redis.conf --daemonize yes --pidfile ${folder}/pid >/dev/null
      for i in 1 2 3 4 5 6 7 8 9 10; do cli ping >/dev/null 2>&1 && break; sleep 0.2; done
      cli get kept; cli config get maxmemory-policy; cli shutdown nosave`;
    const { stdout } = await run('sh', ['-c', script]);
    assert(/OK\nyes\nmaxmemory-policy\nnoeviction/.test(stdout), stdout);
    return 'killed and started again';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
