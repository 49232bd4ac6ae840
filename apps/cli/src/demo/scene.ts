/** The scene: what is sent when, and what a spectator is told to look at. */
import { setTimeout as sleep } from 'node:timers/promises';
import { smtpSubmit, type SmtpHost } from '@mailwheel/testkit';
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

/** A host that answers `452 4.3.1` from the first message it is offered, for `durationMs`. */
export class Illness {
  readonly #durationMs: number;
  #metAtMs: number | undefined;

  constructor(durationMs: number) {
    this.#durationMs = durationMs;
  }

  /** What the host says to MAIL now; undefined: the ordinary answer. */
  answer(): string | undefined {
    this.#metAtMs ??= performance.now();
    const over = performance.now() - this.#metAtMs >= this.#durationMs;
    return over ? undefined : '452 4.3.1 Insufficient system resources';
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
    say(
      cast,
      `${label(first)} answered 452 4.3.1, so the same attempt went on to ${label(second)}. Now ${label(first)} rests.`,
    );
    await pause(cast, betweenMs);
    for (let count = 1; count <= restingMessages; count += 1)
      await submit(cast, `While one host rests, ${count}`);
    say(cast, `${label(second)} takes everything, until the rest of ${label(first)} is over ...`);
    await pause(cast, Math.max(0, cast.restMs - (illness.ageMs() ?? 0)));
    const before = [first.counters.accepted, second.counters.accepted] as const;
    say(cast, `${label(first)} is well again: one message asks it, then both take turns.`);
    for (let count = 1; count <= laterMessages; count += 1) {
      await submit(cast, `Taking turns, ${count}`);
      await pause(cast, betweenMs);
    }
    const [one, two] = [first.counters.accepted - before[0], second.counters.accepted - before[1]];
    say(cast, `Of the last ${laterMessages}, ${label(first)} took ${one} and ${label(second)} took ${two}.`);
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
