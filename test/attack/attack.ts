/**
 * An attack on a whole tier: `node test/attack/attack.ts [--seed N] [--minutes M] [--messages N] [--kills N] [--scale quick|full]
 * [--acts kill,redis-kill,...]
 * [--log all|failures|none] [--keep]`. Prints its seed, and with `--seed` repeats the plan. Exit code 0: nothing was lost,
 * nothing reached anybody that was refused, and every second copy has its cause. See docs/attack.md.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Attacker } from './attacker.ts';
import type { DriverNews, DriverOrder } from './driver.ts';
import type { HostsNews, HostsOrder } from './hosts.ts';
import { place, settingsYaml } from './layout.ts';
import { planOf, scales } from './plan.ts';
import { files, RecordFile, type EndRecord, type FaultRecord } from './records.ts';
import { RedisVictim } from './redis-victim.ts';
import { slotsOf } from './supervisor.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string', default: '1' },
    messages: { type: 'string', default: '0' },
    kills: { type: 'string', default: '0' },
    pause: { type: 'string', default: '1500' },
    acts: { type: 'string', default: '' },
    backlog: { type: 'string', default: '1500' },
    scale: { type: 'string', default: 'full' },
    log: { type: 'string', default: 'failures' },
    keep: { type: 'boolean', default: false },
  },
});

const seed = values.seed === undefined ? Date.now() % 1_000_000_000 : Number(values.seed);
const scale = values.scale === 'quick' ? scales.quick : scales.full;
const endsAtMs = Date.now() + Number(values.minutes) * 60_000;
const backlogMax = Number(values.backlog);
/** The tier is given this long to deliver what is left once nobody attacks it any more. */
const drainMsMax = 150_000;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const plan = planOf(seed);
const folder = mkdtempSync(join(tmpdir(), `mailwheel-attack-${seed}-`));
const at = await place(plan, scale, folder);
writeFileSync(join(folder, files.layout), JSON.stringify(at));
writeFileSync(join(folder, 'mailwheel.yaml'), settingsYaml(at, values.log as 'all' | 'failures' | 'none'));
const faults = new RecordFile<FaultRecord | EndRecord>(join(folder, files.faults));
say(
  `attack: seed ${seed}, ${plan.ingresses} ingress, ${plan.workers} workers, ${plan.shards} shards, files in ${folder}`,
);

const redis = await RedisVictim.start({ port: at.redisPort, folder, smallDisk: plan.smallDisk }, (code) =>
  say(`  redis ended with ${code}`),
);
if (plan.smallDisk && !redis.diskCanBeFilled)
  say('  no small disk: mounting one is not permitted here, so none is filled');
const hosts = runProgram('hosts.ts', []);
await newsOf<HostsNews>(hosts, 'ready');
let unasked = 0;
const slots = slotsOf(at, (end) => {
  faults.write(end);
  if (end.why === 'by-itself' || (end.why === 'asked' && end.ready && end.code !== 0)) {
    unasked += 1;
    say(`  ${end.victim} ended (${end.why}) with ${end.code ?? end.signal}`);
  }
});
process.on('exit', () => {
  for (const slot of slots) slot.abandon();
  redis.abandon();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
for (const slot of slots) slot.start();
await until('the tier to be in service', 60_000, () => slots.every((slot) => slot.ready));

let news: DriverNews | undefined;
let taken = 0;
hosts.on('message', (one: HostsNews) => {
  if (one.kind === 'count') ({ taken } = one);
});
const driver = runProgram('driver.ts', [values.messages]);
driver.on('message', (one: DriverNews) => {
  news = one;
});
const finished = (): boolean => news?.kind === 'finished' || driver.exitCode !== null;
const messagesMax = Number(values.messages) || Number.POSITIVE_INFINITY;
const timeIsUp = (): boolean => Date.now() > endsAtMs;
const attacker = new Attacker({
  at,
  slots,
  redis,
  hosts: orderHosts,
  meanPauseMs: Number(values.pause),
  only: values.acts === '' ? [] : values.acts.split(','),
  killsMax: Number(values.kills) || Number.POSITIVE_INFINITY,
  note: (fault) => faults.write(fault),
  enough: () => timeIsUp() || (news?.submitted ?? 0) >= messagesMax,
});
const startedMs = Date.now();
const pacing = setInterval(() => void pace(), 500);
const telling = setInterval(tell, 10_000);
await attacker.run();
if (!timeIsUp() && messagesMax === Number.POSITIVE_INFINITY) await pause(Math.max(0, endsAtMs - Date.now()));
order({ kind: 'finish' });
await recover();
await until('the driver to end', 90_000, finished);
clearInterval(pacing);
const drained = await drain();
clearInterval(telling);
tell();
say(
  `  acts: ${[...attacker.counts].map(([act, count]) => `${act} ${count}`).join(', ')}; ${attacker.kills} kills in ${Math.round((Date.now() - startedMs) / 1000)} s`,
);
if (!drained) say('  the tier did not deliver everything in time');
// Tombstones and idempotency keys go by themselves; the judge looks for what does not.
await pause((scale.tombstoneSeconds + 4) * 1000);
hosts.send({ kind: 'stop' } satisfies HostsOrder);
await once(hosts, 'exit');
const judged = await judge();
await Promise.all(slots.map((slot) => slot.stop(20_000)));
faults.close();
await redis.down('SIGTERM');
redis.abandon();
if (judged === 0 && unasked === 0 && !values.keep) rmSync(folder, { recursive: true, force: true });
else say(`attack: files are kept in ${folder}`);
say(`attack: seed ${seed} ${judged === 0 && unasked === 0 ? 'passed' : 'FAILED'}`);
process.exit(judged === 0 && unasked === 0 ? 0 : 1);

function runProgram(name: string, more: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(name, import.meta.url));
  return fork(path, [folder, ...more], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

function orderHosts(order: HostsOrder): void {
  if (hosts.connected) hosts.send(order);
}

function order(one: DriverOrder): void {
  if (driver.connected) driver.send(one);
}

/** Accepting is faster than delivering to hosts like these: the driver waits while the backlog is long. */
async function pace(): Promise<void> {
  const backlog = await redis.backlog(at.shards);
  if (backlog !== undefined && !timeIsUp()) order({ kind: backlog > backlogMax ? 'hold' : 'go' });
}

function tell(): void {
  const counts = news;
  if (counts === undefined) return;
  say(
    `  ${Math.round((Date.now() - startedMs) / 1000)} s: ${counts.submitted} submitted, ${counts.accepted} accepted, ${counts.refused} refused, ${counts.silent} without a reply; hosts took ${taken}; ${attacker.kills} kills`,
  );
}

/** Ends every trouble that is still going on. */
async function recover(): Promise<void> {
  orderHosts({ kind: 'calm' });
  redis.emptyDisk();
  await redis.up();
  redis.thaw();
  await redis.unfull();
  for (const slot of slots) slot.signal('SIGCONT');
}

async function drain(): Promise<boolean> {
  const endMs = Date.now() + drainMsMax;
  while (Date.now() < endMs) {
    if ((await redis.backlog(at.shards)) === 0) return true;
    await pause(500);
  }
  return false;
}

async function judge(): Promise<number> {
  const path = fileURLToPath(new URL('judge/judge.ts', import.meta.url));
  const judging = spawn(process.execPath, [path, folder], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(judging, 'exit')) as [number | null];
  return code ?? 1;
}

async function newsOf<News extends { readonly kind: string }>(
  child: ChildProcess,
  kind: News['kind'],
): Promise<void> {
  let found = false;
  child.on('message', (one: News) => {
    found ||= one.kind === kind;
  });
  await until(`${kind} of a child process`, 30_000, () => found || child.exitCode !== null);
}

async function until(what: string, limitMs: number, done: () => boolean): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!done()) {
    if (Date.now() > endMs) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
    await pause(50);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
