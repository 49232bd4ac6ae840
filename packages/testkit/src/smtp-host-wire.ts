/** The sending side of one connection of the scripted host: batches replies, and carries out actions. */
import type { Socket } from 'node:net';
import type { Action } from './smtp-host-types.ts';

/** What the session has to do after an action: go on, wait for ever, or nothing, for the connection is ending. */
export type ActionOutcome = 'done' | 'silent' | 'gone';

type ActionSteps = Exclude<Action, string>;

/** The reply that an action sends, if it sends one (what the client would take as the answer). */
export function replyOf(action: Action): string | undefined {
  if (typeof action === 'string') return action;
  return action.silent === true || action.end === 'reset' ? undefined : action.reply;
}

/** True when carrying it out takes no time: the session then stays synchronous, which thousands of messages a second need. */
export function isImmediate(action: Action): boolean {
  return typeof action === 'string' || (action.delayMs === undefined && action.dripMs === undefined);
}

export class Wire {
  /** The TCP socket; resets must go to it, a TLS socket cannot send them. */
  readonly #raw: Socket;
  #socket: Socket;
  /** Replies to pipelined commands, sent in one write. */
  #pending = '';
  #ending = false;

  constructor(raw: Socket) {
    this.#raw = raw;
    this.#socket = raw;
  }

  /** From here on everything goes through TLS. */
  upgrade(socket: Socket): void {
    this.flush();
    this.#socket = socket;
  }

  get gone(): boolean {
    return this.#ending || this.#socket.destroyed;
  }

  reply(text: string): void {
    this.#pending += text.includes('\n') ? `${text.replace(/\r?\n/g, '\r\n')}\r\n` : `${text}\r\n`;
  }

  flush(): void {
    if (this.#pending === '') return;
    const text = this.#pending;
    this.#pending = '';
    if (!this.gone) this.#socket.write(text);
  }

  write(data: string | Buffer): void {
    this.flush();
    if (!this.gone) this.#socket.write(data);
  }

  close(): void {
    this.flush();
    this.#ending = true;
    this.#socket.end();
  }

  /** What was said before still arrives: on loopback it is with the peer before the RST is. */
  reset(): void {
    this.flush();
    this.#ending = true;
    // Node leaks the handle when it is reset after its own FIN (libuv answers EINVAL), and the process then never ends.
    if (this.#raw.writableEnded) this.#raw.destroy();
    else this.#raw.resetAndDestroy();
  }

  /** Carries out an immediate action. */
  perform(action: Action): ActionOutcome {
    if (typeof action === 'string') {
      this.reply(action);
      return 'done';
    }
    if (action.silent === true) return 'silent';
    if (action.reply !== undefined) this.reply(action.reply);
    if (action.raw !== undefined) this.write(action.raw);
    return this.#finish(action);
  }

  /** Carries out an action that takes time. */
  async performSlowly(action: ActionSteps): Promise<ActionOutcome> {
    this.flush();
    if (action.delayMs !== undefined) await sleep(action.delayMs);
    if (this.gone) return 'gone';
    if (action.dripMs === undefined || action.silent === true) return this.perform(action);
    const text = action.reply === undefined ? '' : `${action.reply.replace(/\r?\n/g, '\r\n')}\r\n`;
    for (const byte of Buffer.concat([Buffer.from(text), Buffer.from(action.raw ?? '')])) {
      if (this.gone) return 'gone';
      this.#socket.write(Buffer.of(byte));
      await sleep(action.dripMs);
    }
    return this.#finish(action);
  }

  #finish(action: ActionSteps): ActionOutcome {
    if (action.end === 'close') this.close();
    else if (action.end === 'reset') this.reset();
    else return 'done';
    return 'gone';
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
