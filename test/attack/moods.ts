/**
 * How the hosts behave: each has moods that follow one another by the seed, and while it is moody it misbehaves at any phase
 * of a dialogue. Recipients whose name begins with `unknown` are refused for good by every host of their domain; a home host
 * refuses nobody for good, for what is lost there is the report itself.
 */
import type { Action, ActionContext, HostPhase } from '@mailwheel/testkit';
import type { PlacedHost } from './layout.ts';
import { randomOf, type Random } from './random.ts';

export type Mood = 'well' | 'moody' | 'full' | 'slow';

/** What becomes of a message that came completely. */
export interface Ending {
  readonly outcome: 'taken' | 'refused' | 'lost';
  readonly action: Action | undefined;
  readonly delayMs: number;
  /** It says something before the connection ends. */
  readonly answers: boolean;
  /** It refuses for good. */
  readonly forGood: boolean;
}

const unknownMailbox = '550 5.1.1 no such user here';
const closing = { reply: '421 4.3.2 closing down', end: 'close' } as const;
const reset = { end: 'reset' } as const;
const silent = { silent: true } as const;

const troubles: { readonly [phase in HostPhase]?: readonly Action[] } = {
  greeting: [reset, closing, '554 5.3.2 not today', silent],
  ehlo: [reset, closing, silent],
  mail: ['451 4.3.0 try later', '450 4.1.8 not you now', '421 4.3.2 closing down', reset, silent],
  rcpt: ['451 4.3.0 try later', '450 4.2.1 mailbox is busy', '450 4.2.2 mailbox is full', reset, silent],
  data: ['451 4.3.0 try later', closing, reset, silent],
  body: [reset, silent],
};

/** Weights of the moods a host falls into, and how long they last. */
const moodWeights = { well: 50, moody: 30, slow: 12, full: 8 } as const;

export class Temper {
  mood: Mood = 'well';
  calm = false;
  readonly #host: PlacedHost;
  readonly #isHome: boolean;
  readonly #random: Random;
  readonly #moods: Random;
  #timer: NodeJS.Timeout | undefined;

  constructor(host: PlacedHost, from: { readonly seed: number; readonly isHome: boolean }) {
    this.#host = host;
    this.#isHome = from.isHome;
    this.#random = randomOf(from.seed, `temper of ${host.name}`);
    this.#moods = randomOf(from.seed, `moods of ${host.name}`);
    this.#change();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #change(): void {
    this.mood = this.#moods.weighted(moodWeights);
    this.#timer = setTimeout(() => this.#change(), this.#moods.magnitude(1_500, 12_000));
  }

  /** Up to the body. */
  atPhase(context: ActionContext): Action | undefined {
    const { phase, address } = context;
    if (phase === 'rcpt' && address.startsWith('unknown')) return unknownMailbox;
    if (this.calm) return undefined;
    if (this.mood === 'full' && phase === 'mail') return '452 4.3.1 Insufficient system resources';
    if (this.mood !== 'moody' || !this.#random.chance(this.#host.moodiness)) return undefined;
    // Several chunks a message, several recipients: no more trouble for them all than for one command.
    if (phase === 'body' && !this.#random.chance(0.2)) return undefined;
    if (phase === 'rcpt' && this.#random.chance(0.5)) return undefined;
    const choices = troubles[phase] ?? [];
    const choice = this.#random.whole(0, choices.length - 1);
    const action = choices[choice];
    // A silence costs the client seconds; a dozen of them would make an attack on the clock.
    return action === silent && this.#random.chance(0.6) ? reset : action;
  }

  atEnd(): Ending {
    const taken = { outcome: 'taken', action: undefined, delayMs: 0, answers: true, forGood: false } as const;
    if (this.calm) return taken;
    if (this.mood === 'slow') return this.#slowly(taken, 20, 400);
    if (this.mood !== 'moody') return this.#random.chance(0.1) ? this.#slowly(taken, 1, 60) : taken;
    if (!this.#random.chance(this.#host.moodiness)) return taken;
    const kind = this.#random.weighted({
      'taken-reset': 14,
      'taken-close': 10,
      'taken-silent': 3,
      'lost-reset': 14,
      'lost-silent': 3,
      deferred: 16,
      'refused-for-good': this.#isHome ? 0 : 10,
      'taken-late': 20,
    });
    const mute = { answers: false, delayMs: 0, forGood: false } as const;
    switch (kind) {
      case 'taken-reset':
        return { ...mute, outcome: 'taken', action: reset };
      case 'taken-close':
        return { ...mute, outcome: 'taken', action: { end: 'close' } };
      case 'taken-silent':
        return { ...mute, outcome: 'taken', action: silent };
      case 'lost-reset':
        return { ...mute, outcome: 'lost', action: reset };
      case 'lost-silent':
        return { ...mute, outcome: 'lost', action: silent };
      case 'deferred':
        return { ...taken, outcome: 'refused', action: '451 4.3.0 not now' };
      case 'refused-for-good':
        return { ...taken, outcome: 'refused', action: '554 5.6.0 not this', forGood: true };
      case 'taken-late':
        return this.#slowly(taken, 400, 3_000);
    }
  }

  #slowly(ending: Ending, fromMs: number, toMs: number): Ending {
    const delayMs = Math.round(this.#random.magnitude(fromMs, toMs));
    return { ...ending, delayMs, action: { delayMs, reply: '250 2.0.0 Ok: taken in the end' } };
  }
}
