/**
 * The destination hosts of an attack, in a process that nobody kills: every host of the plan with its temper, the proxies
 * before hosts and before ingress, and a record of everything that came. Told what to do by the attack over its channel.
 */
import { join } from 'node:path';
import { SmtpHost, type ActionContext, type ConnectionRecord, type HostScript } from '@mailwheel/testkit';
import { startCuttingProxy } from './cutting-proxy.ts';
import { readPlace, type PlacedHost } from './layout.ts';
import { factsOf } from './message-facts.ts';
import { Temper } from './moods.ts';
import { randomOf } from './random.ts';
import { files, RecordFile, type CutRecord, type RefusalRecord, type TransactionRecord } from './records.ts';

export type HostsOrder =
  | { readonly kind: 'flap'; readonly host: string; readonly forMs: number }
  | { readonly kind: 'cuts'; readonly share: number }
  | { readonly kind: 'calm' }
  | { readonly kind: 'stop' };

export type HostsNews = { readonly kind: 'ready' } | { readonly kind: 'count'; readonly taken: number };

const folder = process.argv[2] ?? '.';
const at = readPlace(folder);
const records = new RecordFile<TransactionRecord | RefusalRecord | CutRecord>(join(folder, files.hosts));
/** Connections that a proxy cuts while nobody ordered a storm. */
const everydayShare = 0.01;
let cutShare = everydayShare;
let taken = 0;

class Host {
  readonly place: PlacedHost;
  readonly temper: Temper;
  readonly smtp: SmtpHost;
  readonly #dataAtMs = new WeakMap<ConnectionRecord, number>();

  constructor(place: PlacedHost) {
    this.place = place;
    this.temper = new Temper(place, { seed: at.seed, isHome: place.domain === at.homeDomain });
    const usual = (context: ActionContext): ReturnType<Temper['atPhase']> => this.#atPhase(context);
    const script: HostScript = {
      greeting: usual,
      ehlo: usual,
      mail: usual,
      rcpt: usual,
      data: usual,
      body: usual,
      final: (context) => this.#atEnd(context),
    };
    this.smtp = new SmtpHost(script, { port: place.port, name: `${place.name}.attack.test` });
  }

  #atPhase(context: ActionContext): ReturnType<Temper['atPhase']> {
    const action = this.temper.atPhase(context);
    if (context.phase === 'rcpt' && typeof action === 'string' && action.startsWith('5')) {
      this.#refused(context, context.address);
    }
    if (context.phase === 'data') this.#dataAtMs.set(context.connection, Date.now());
    return action;
  }

  #atEnd(context: ActionContext): ReturnType<Temper['atPhase']> {
    const ending = this.temper.atEnd();
    const { connection, reversePath } = context;
    const to = context.recipients.filter((one) => one.accepted).map((one) => one.address);
    const dotAtMs = Date.now();
    // A client that had every recipient refused, and is asked for the message all the same, ends with an empty one.
    if (to.length === 0) return '554 5.5.1 no valid recipients';
    records.note({
      kind: 'transaction',
      host: this.place.name,
      clientPort: connection.remotePort,
      worker: workerOf(connection),
      dataAtMs: this.#dataAtMs.get(connection) ?? dotAtMs,
      dotAtMs,
      outcome: ending.outcome,
      replyAtMs: dotAtMs + ending.delayMs,
      answers: ending.answers,
      from: reversePath,
      to,
      ...factsOf(context.body, reversePath === ''),
    });
    if (ending.outcome === 'taken') taken += 1;
    if (ending.forGood) for (const address of to) this.#refused(context, address);
    return ending.action;
  }

  #refused(context: ActionContext, address: string): void {
    records.note({
      kind: 'refusal',
      host: this.place.name,
      clientPort: context.connection.remotePort,
      worker: workerOf(context.connection),
      atMs: Date.now(),
      from: context.reversePath,
      address,
    });
  }
}

function workerOf(connection: ConnectionRecord): string {
  return connection.heloName?.split('.')[0] ?? 'unknown';
}

function cutOf(host: string): (cut: { readonly place: string; readonly clientPort: number }) => void {
  return ({ place, clientPort }) => records.note({ kind: 'cut', atMs: Date.now(), host, clientPort, place });
}

async function flap(host: Host, forMs: number): Promise<void> {
  await host.smtp.stop();
  setTimeout(() => void host.smtp.start(), forMs);
}

const hosts = at.hosts.map((place) => new Host(place));
for (const host of hosts) {
  await host.smtp.start();
  const { name, proxied, port, doorPort } = host.place;
  if (!proxied) continue;
  await startCuttingProxy({
    listenPort: doorPort,
    targetPort: port,
    random: randomOf(at.seed, `proxy of ${name}`),
    share: () => cutShare,
    onCut: cutOf(name),
  });
}
for (const { name, smtpPort, proxyPort } of at.ingresses) {
  await startCuttingProxy({
    listenPort: proxyPort,
    targetPort: smtpPort,
    random: randomOf(at.seed, `proxy of ${name}`),
    share: () => cutShare * 2,
    onCut: () => undefined, // the driver sees it
  });
}

const flapping = new Set<string>();
process.on('message', (order: HostsOrder) => {
  if (order.kind === 'flap') {
    const host = hosts.find(({ place }) => place.name === order.host);
    if (host === undefined || flapping.has(order.host)) return;
    flapping.add(order.host);
    setTimeout(() => flapping.delete(order.host), order.forMs + 1_000);
    void flap(host, order.forMs);
  } else if (order.kind === 'cuts') cutShare = order.share === 0 ? everydayShare : order.share;
  else if (order.kind === 'calm') {
    cutShare = 0;
    for (const { temper } of hosts) temper.calm = true;
  } else {
    records.close();
    process.exit(0);
  }
});
process.on('disconnect', () => process.exit(0));
setInterval(() => {
  records.flush();
  process.send?.({ kind: 'count', taken } satisfies HostsNews);
}, 200);
// What a host remembers is in the file.
setInterval(() => {
  for (const { smtp } of hosts) smtp.forget();
}, 1_000);
process.send?.({ kind: 'ready' } satisfies HostsNews);
