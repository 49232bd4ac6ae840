/** The scene: what is sent when, and what a spectator is told to look at. */
import { setTimeout as sleep } from 'node:timers/promises';
import { smtpSubmit, type Action, type SmtpHost } from '@mailwheel/testkit';
import type { Output } from '../output.ts';

export interface Cast {
  readonly output: Output;
  /** Address of the ingress: `127.0.0.1:2525`. */
  readonly smtp: string;
  readonly domain: string;
  /** Unwell at first. */
  readonly first: SmtpHost;
  readonly second: SmtpHost;
  readonly illness: Illness;
  /** After this long a host that was set aside may be asked again. */
  readonly restMs: number;
  /** Ends the scene early. */
  readonly end: AbortSignal;
}

/** A host that greets with `452 4.3.1` from its first connection on, for `durationMs`. */
export class Illness {
  readonly #durationMs: number;
  #metAtMs: number | undefined;

  constructor(durationMs: number) {
    this.#durationMs = durationMs;
  }

  /** How the host greets now; undefined: as usual. */
  answer(): Action | undefined {
    this.#metAtMs ??= performance.now();
    const over = performance.now() - this.#metAtMs >= this.#durationMs;
    return over ? undefined : { reply: '452 4.3.1 Insufficient system resources', end: 'close' };
  }

  /** Milliseconds since the host first refused; undefined: not yet. */
  ageMs(): number | undefined {
    return this.#metAtMs === undefined ? undefined : performance.now() - this.#metAtMs;
  }
}

const restingMessages = 2;
const laterMessages = 8;
const betweenMs = 400;
const deliveryLimitMs = 20_000;

/** Plays to its end or until `cast.end`; whatever does not come is told, never thrown. */
export async function playScene(cast: Cast): Promise<void> {
  const { first, second, illness } = cast;
  try {
    // The cursor remembers the last start: the first host may be the second in turn.
    for (let count = 0; illness.ageMs() === undefined && count < 2; count += 1) {
      say(cast, `One message for ${cast.domain}, which has two hosts: ${label(first)} and ${label(second)}.`);
      await submit(cast, 'The first of the day');
    }
    await pause(cast, betweenMs); // the worker writes its log in portions: let the lines come first
    say(
      cast,
      `${label(first)} answered 452 4.3.1, so the same attempt went on to ${label(second)}. Now ${label(first)} rests.`,
    );
    for (let count = 1; count <= restingMessages; count += 1)
      await submit(cast, `While one host rests, ${count}`);
    await pause(cast, betweenMs);
    say(cast, `${label(second)} takes everything, until the rest of ${label(first)} is over ...`);
    await pause(cast, Math.max(0, cast.restMs - (illness.ageMs() ?? 0)));
    say(cast, `${label(first)} is well again: one message asks it, then both take turns.`);
    let order = '';
    for (let count = 1; count <= laterMessages; count += 1) {
      const before = first.counters.accepted;
      await submit(cast, `Taking turns, ${count}`);
      order += first.counters.accepted > before ? ' A' : ' B';
      await pause(cast, betweenMs);
    }
    say(cast, `They went to${order} (A: ${label(first)}, B: ${label(second)}).`);
  } catch (error) {
    if (!cast.end.aborted) say(cast, `The demonstration ends early: ${(error as Error).message}`);
  }
}

/** Submits one message over SMTP and waits until a host has it. */
async function submit(cast: Cast, subject: string): Promise<void> {
  cast.end.throwIfAborted();
  const delivered = accepted(cast);
  const colon = cast.smtp.lastIndexOf(':');
  const { final, mail } = await smtpSubmit({
    host: cast.smtp.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(cast.smtp.slice(colon + 1)),
    from: 'demo@example.net',
    to: `anna@${cast.domain}`,
    body: `From: Demo <demo@example.net>\r\nTo: Anna <anna@${cast.domain}>\r\nSubject: ${subject}\r\n\r\nHello Anna.\r\n`,
  });
  if (final?.code !== 250) throw new Error(`the ingress answered ${(final ?? mail).line}`);
  const endMs = performance.now() + deliveryLimitMs;
  while (accepted(cast) === delivered) {
    if (performance.now() > endMs)
      throw new Error(`no host had the message after ${deliveryLimitMs / 1_000} s`);
    await pause(cast, 20);
  }
}

function accepted(cast: Cast): number {
  return cast.first.counters.accepted + cast.second.counters.accepted;
}

function say(cast: Cast, text: string): void {
  cast.output.event({ name: 'demo', text: `-- ${text}`, fields: {} });
}

function pause(cast: Cast, delayMs: number): Promise<void> {
  return sleep(delayMs, undefined, { signal: cast.end });
}

function label(host: SmtpHost): string {
  return `${host.address}:${host.port}`;
}
