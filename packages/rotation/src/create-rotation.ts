/**
 * The shared round-robin cursor and the shared view of host health, on Redis. Every decision is made in a script, so any
 * number of workers may ask at once; this module only puts questions and answers into words. It retries nothing: an error of
 * Redis is the caller's to judge.
 */
import type { DestinationKey } from '@mailwheel/envelope';
import { restFactor } from '@mailwheel/pacing';
import type { Host } from '@mailwheel/routing';
import {
  connectionsPrefix,
  hostPrefix,
  knownHostsKey,
  limitPrefix,
  readyKey,
  voidKey,
  waitPrefix,
} from './keys.ts';
import { rotationRules, type RotationOptions, type RotationRules } from './options.ts';
import { PickCalls } from './pick-call.ts';
import { withCommands, type RotationCommands } from './scripts/commands.ts';
import { hostStateOf, readCursors, readHosts } from './snapshot.ts';
import { SuccessBuffer } from './success-buffer.ts';
import type {
  CursorSnapshot,
  HostReport,
  HostSnapshot,
  Pick,
  PickRequest,
  ReportResult,
  Rotation,
} from './types.ts';

/** Leases renewed by one call of the script; more are split, so that no call holds Redis for long. */
const renewalsPerCallMax = 500;
/** Hosts that one `releaseWaiters` looks at. */
const hostsPerReleaseMax = 50;

type Client = RotationOptions['client'] & RotationCommands;

export function createRotation(options: RotationOptions): Rotation {
  return new RedisRotation(options);
}

class RedisRotation implements Rotation {
  readonly #client: Client;
  readonly #options: RotationOptions;
  readonly #rules: RotationRules;
  readonly #calls: PickCalls;
  readonly #successes: SuccessBuffer;
  readonly #random: () => number;
  readonly #monotonicMs: () => number;

  constructor(options: RotationOptions) {
    this.#client = withCommands(options.client);
    this.#options = options;
    this.#rules = rotationRules(options);
    this.#calls = new PickCalls(this.#rules, options.rotate);
    this.#successes = new SuccessBuffer({
      paceMs: this.#rules.successPaceMs,
      hostsMax: this.#rules.knownHostsMax,
    });
    this.#random = options.random ?? Math.random;
    this.#monotonicMs = options.monotonicMs ?? ((): number => performance.now());
  }

  async pick(request: PickRequest): Promise<Pick> {
    this.#successes.add(request.successes);
    const successes = this.#successes.take(this.#monotonicMs());
    const call = this.#calls.encode(request, this.#clock(), successes);
    return this.#calls.decode(request, await this.#client.mwPick(...call));
  }

  async report(report: HostReport): Promise<ReportResult> {
    const { host } = report;
    const rules = this.#rules;
    const keys = [voidKey, `${hostPrefix}${host.key}`, `${waitPrefix}${host.key}`, readyKey, knownHostsKey];
    const [kind, from, to, untilMs] = await this.#client.mwReport(
      keys.length,
      ...keys,
      this.#clock(),
      host.key,
      report.epoch,
      report.outcome,
      report.leaseId,
      report.messageId,
      report.reply,
      rules.firstRestMs,
      rules.longestRestMs,
      restFactor(this.#options.health, this.#random()),
      rules.rampStartPerSecond,
      rules.rampLevels,
      rules.forgetMs,
      rules.knownHostsMax,
    );
    if (kind === 'S') return { kind: 'stale' };
    return {
      kind: 'applied',
      from: hostStateOf(String(from)),
      to: hostStateOf(String(to)),
      ...(Number(untilMs) === 0 ? {} : { untilMs: Number(untilMs) }),
    };
  }

  async openConnection(host: Host, connectionId: string): Promise<boolean> {
    const rules = this.#rules;
    const taken = await this.#client.mwOpen(
      4,
      `${connectionsPrefix}${host.key}`,
      `${limitPrefix}${host.key}`,
      `${hostPrefix}${host.key}`,
      knownHostsKey,
      this.#clock(),
      host.key,
      connectionId,
      rules.connectionLeaseMs,
      rules.initialConnections,
      host.policy.connectionsMax ?? rules.connectionsPerHostMax,
      rules.forgetMs,
      rules.knownHostsMax,
    );
    return taken === 1;
  }

  async closeConnection(host: Host, connectionId: string): Promise<void> {
    await this.#client.mwClose(
      2,
      `${connectionsPrefix}${host.key}`,
      `${hostPrefix}${host.key}`,
      connectionId,
    );
  }

  async renewConnections(
    held: readonly { readonly host: Host; readonly connectionId: string }[],
  ): Promise<void> {
    for (let from = 0; from < held.length; from += renewalsPerCallMax) {
      const some = held.slice(from, from + renewalsPerCallMax);
      await this.#client.mwRenew(
        some.length + 1,
        voidKey,
        ...some.map((one) => `${connectionsPrefix}${one.host.key}`),
        this.#clock(),
        this.#rules.connectionLeaseMs,
        ...some.map((one) => one.connectionId),
      );
    }
  }

  async releaseWaiters(portion: number): Promise<DestinationKey[]> {
    const released = await this.#client.mwRelease(1, readyKey, portion, hostsPerReleaseMax);
    return released as DestinationKey[];
  }

  async hosts(): Promise<HostSnapshot[]> {
    return readHosts(this.#client, this.#rules, await this.#nowMs());
  }

  async cursors(): Promise<CursorSnapshot[]> {
    return readCursors(this.#client);
  }

  /** '' lets the scripts use Redis's clock. */
  #clock(): number | '' {
    return this.#options.clock?.() ?? '';
  }

  async #nowMs(): Promise<number> {
    const own = this.#options.clock?.();
    if (own !== undefined) return own;
    const [seconds, microseconds] = await this.#client.time();
    return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  }
}
