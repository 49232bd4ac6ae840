/**
 * The image: built, each role run as a cluster would run it, a message moved, stopped with 0 on SIGTERM; then every
 * container replaced by a new one while mail comes in.
 */
import { waitFor } from '@mailwheel/testkit';
import { assert, check, run, say } from '../report.ts';
import { projectFolder, verifyFolder } from '../tools.ts';
import { createPodman, image, type Podman } from './podman.ts';
import { openStage, type RunningRole, type Stage } from './stage.ts';

const roles = ['ingress', 'worker', 'console'] as const;
/** Longer than any drain of the stage; what `terminationGracePeriodSeconds` is in the chart. */
const graceSeconds = 30;

export async function checkContainers(workFolder: string): Promise<void> {
  say('Container image');
  const podman = createPodman(workFolder);
  const built = await check('deploy/Containerfile builds', async () => {
    await run(`${verifyFolder}container/build.sh`, [workFolder]);
    const { stdout } = await podman.run(['image', 'inspect', '--format', '{{.Size}}', image]);
    return `${Math.round(Number(stdout) / 1e6)} MB, base included`;
  });
  if (built === undefined) return;
  await checkContent(podman);
  const stage = await openStage(podman);
  try {
    await checkRoles(podman, stage);
    await checkReplacement(podman, stage);
  } finally {
    await stage.close();
  }
}

async function checkContent(podman: Podman): Promise<void> {
  await check('has entry point, user and labels', async () => {
    const { stdout } = await podman.run(['image', 'inspect', image]);
    const [{ Config: config }] = JSON.parse(stdout) as [{ Config: ImageConfig }];
    assert(config.Entrypoint?.join(' ') === 'mailwheel', `entry point ${config.Entrypoint?.join(' ')}`);
    assert(config.Cmd?.join(' ') === 'help', `command ${config.Cmd?.join(' ')}`);
    assert(config.User === '1000:1000', `user ${config.User}`);
    for (const label of ['title', 'description', 'licenses', 'version', 'revision'])
      assert(config.Labels?.[`org.opencontainers.image.${label}`] !== undefined, `label ${label} is missing`);
  });
  await check('without words it helps', async () => {
    assert((await podman.run(['run', '--rm', image])).stdout.includes('mailwheel worker'), 'no help text');
  });
  await check(
    'holds no tests, no test tools and no certificates or npm settings of this machine',
    async () => {
      const script = `const fs=require('fs');const all=fs.readdirSync('/opt/mailwheel',{recursive:true}).map(String);
      const own=all.filter((p)=>!/^node_modules\\//.test(p));
      const bad=[...own.filter((p)=>/\\.test\\.ts$|testkit\\/src/.test(p)),
        ...['vitest','turbo','oxlint','typescript','playwright-core','fast-check','@mailwheel/testkit']
          .filter((n)=>fs.existsSync('/opt/mailwheel/node_modules/'+n)),
        ...['/root/.npmrc'].filter((p)=>fs.existsSync(p)&&fs.statSync(p).size>0)];
      console.log(JSON.stringify(bad))`;
      const { stdout } = await podman.run(['run', '--rm', '--entrypoint', 'node', image, '-e', script]);
      assert(stdout.trim() === '[]', `found ${stdout}`);
    },
  );
  await check('has a bill of materials that names what is installed', async () => {
    const script = `const fs=require('fs');const {components}=JSON.parse(fs.readFileSync('sbom.cdx.json'));
      const named=new Set(components.map((c)=>(c.group?c.group+'/':'')+c.name));
      const lock=JSON.parse(fs.readFileSync('node_modules/.package-lock.json')).packages;
      const installed=Object.keys(lock).filter((p)=>!lock[p].link&&fs.existsSync(p+'/package.json')&&p.startsWith('node_modules/'))
        .map((p)=>JSON.parse(fs.readFileSync(p+'/package.json')).name);
      console.log(JSON.stringify({installed:installed.length,missing:installed.filter((n)=>!named.has(n))}))`;
    const { stdout } = await podman.run(['run', '--rm', '--entrypoint', 'node', image, '-e', script]);
    const { installed, missing } = JSON.parse(stdout) as { installed: number; missing: string[] };
    assert(missing.length === 0, `not in the bill: ${missing.join(', ')}`);
    return `${installed} packages`;
  });
}

interface ImageConfig {
  readonly Entrypoint?: string[];
  readonly Cmd?: string[];
  readonly User?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

async function checkRoles(podman: Podman, stage: Stage): Promise<void> {
  const running: RunningRole[] = [];
  for (const role of roles) {
    await check(`${role} starts and is ready: uid 1000, read-only root, no capabilities`, async () => {
      const started = await stage.startRole(role);
      await stage.ready(started);
      running.push(started);
    });
  }
  const ingress = running.find(({ role }) => role === 'ingress');
  await check('a message goes in at one container and out of the other', async () => {
    assert(ingress !== undefined, 'no ingress is running');
    const reply = await stage.submit(ingress.smtpPort, 'first');
    assert(reply.startsWith('250'), `answered ${reply}`);
    await waitFor('the message at its destination', () => stage.host.delivered.length === 1);
  });
  for (const started of running) {
    await check(`${started.role} ends with 0 on SIGTERM`, async () => {
      const { code, seconds } = await podman.stop(started.name, graceSeconds);
      assert(code === 0, `ended with ${code}:\n${(await podman.logs(started.name)).slice(-2000)}`);
      return `after ${seconds.toFixed(1)} s`;
    });
  }
}

async function checkReplacement(podman: Podman, stage: Stage): Promise<void> {
  await check('every container replaced under load: no refusal, nothing lost', async () => {
    const before = stage.host.delivered.length;
    let ingress = await ready(stage, 'ingress');
    const firstWorker = await ready(stage, 'worker');
    const replies: string[] = [];
    const ending = new AbortController();
    // The client does what a Service does: new connections go to the pod that is in its endpoints.
    const load = (async () => {
      while (!ending.signal.aborted)
        replies.push(await stage.submit(ingress.smtpPort, `load ${replies.length}`));
    })();
    const drains: string[] = [];
    const retire = async (old: RunningRole): Promise<void> => {
      const { code, seconds } = await podman.stop(old.name, graceSeconds);
      assert(code === 0, `${old.name} ended with ${code}`);
      drains.push(`${old.role} ${seconds.toFixed(1)} s`);
    };
    const secondWorker = await ready(stage, 'worker');
    await retire(firstWorker);
    const oldIngress = ingress;
    ingress = await ready(stage, 'ingress');
    await retire(oldIngress);
    const thirdWorker = await ready(stage, 'worker');
    await retire(secondWorker);
    ending.abort();
    await load;
    const refused = replies.filter((reply) => !reply.startsWith('250'));
    assert(refused.length === 0, `${refused.length} of ${replies.length} refused: ${refused[0]}`);
    const subjects = (): Set<string> =>
      new Set(
        stage.host.delivered
          .slice(before)
          .map(({ body }) => /^Subject: (.*)$/m.exec(body.toString())?.[1] ?? ''),
      );
    await waitFor('all of them at the destination', () => subjects().size === replies.length, 30_000);
    const copies = stage.host.delivered.length - before - replies.length;
    await retire(ingress);
    await retire(thirdWorker);
    return `${replies.length} messages, ${copies} second copies; drained in ${drains.join(', ')}`;
  });
}

async function ready(stage: Stage, role: 'ingress' | 'worker'): Promise<RunningRole> {
  const started = await stage.startRole(role);
  await stage.ready(started);
  return started;
}

/** Whether this machine can build and run images at all. */
export async function containersMissing(): Promise<string | undefined> {
  const words = [
    '-c',
    'for p in buildah podman runc redis-server; do command -v $p >/dev/null || echo $p; done',
  ];
  const { stdout } = await run('sh', words, { cwd: projectFolder });
  return stdout.trim() === '' ? undefined : stdout.trim().replaceAll('\n', ', ');
}
