/**
 * A TCP proxy for SMTP that resets both sides of a connection at a chosen place: before the greeting, before or after any
 * command, in the middle of a message, before its final dot, or between the dot and its reply.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Random } from './random.ts';

export const places = [
  'before-greeting',
  'before-ehlo',
  'after-ehlo',
  'before-mail',
  'after-mail',
  'before-rcpt',
  'after-rcpt',
  'before-data',
  'after-data',
  'in-body',
  'before-dot',
  'after-dot',
] as const;
export type Place = (typeof places)[number];

export interface ProxyOptions {
  readonly listenPort: number;
  readonly targetPort: number;
  readonly random: Random;
  /** Share of the connections that are cut, at the moment. */
  readonly share: () => number;
  readonly onCut: (cut: { readonly place: Place; readonly clientPort: number }) => void;
}

/** Resolves when it listens. */
export async function startCuttingProxy(options: ProxyOptions): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const place = options.random.chance(options.share()) ? options.random.pick(places) : undefined;
    // The place is met on the first message or on a later one of the connection.
    new Passage(client, options, place, options.random.whole(0, 4));
  });
  server.listen(options.listenPort, '127.0.0.1', 1024);
  await new Promise<void>((resolve) => {
    server.once('listening', resolve);
  });
  return server;
}

class Passage {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #options: ProxyOptions;
  readonly #place: Place | undefined;
  /** Messages to let through before the cut. */
  #spared: number;
  #inBody = false;
  /** DATA was passed on, and its reply has not come. */
  #awaitsData = false;
  /** The next bytes from the server end it. */
  #cutAtReply = false;
  #tail = '';
  #over = false;

  constructor(client: Socket, options: ProxyOptions, place: Place | undefined, spared: number) {
    this.#client = client;
    this.#options = options;
    this.#place = place;
    this.#spared = place === 'before-greeting' || place?.endsWith('ehlo') === true ? 0 : spared;
    this.#server = connect(options.targetPort, '127.0.0.1');
    client.setNoDelay(true);
    this.#server.setNoDelay(true);
    client.on('data', (chunk: Buffer) => this.#fromClient(chunk));
    this.#server.on('data', (chunk: Buffer) => this.#fromServer(chunk));
    this.#join(client, this.#server);
    this.#join(this.#server, client);
  }

  #join(one: Socket, other: Socket): void {
    one.on('error', () => other.resetAndDestroy());
    one.on('end', () => other.end());
    one.on('close', () => other.destroySoon());
    one.on('drain', () => other.resume());
  }

  #fromServer(chunk: Buffer): void {
    if (this.#over) return;
    if (this.#place === 'before-greeting' || this.#cutAtReply) return this.#cut();
    if (this.#awaitsData && /^354/m.test(chunk.toString('latin1'))) {
      this.#awaitsData = false;
      this.#inBody = true;
      this.#tail = '\r\n';
    }
    if (!this.#client.write(chunk)) this.#server.pause();
  }

  #fromClient(chunk: Buffer): void {
    if (this.#over) return;
    if (this.#inBody) this.#body(chunk);
    else this.#commands(chunk);
  }

  #commands(chunk: Buffer): void {
    const text = chunk.toString('latin1');
    for (const match of text.matchAll(/^(EHLO|MAIL|RCPT|DATA)\b/gim)) {
      const verb = (match[1] ?? '').toLowerCase();
      if (verb === 'data') this.#awaitsData = true;
      if (this.#spared > 0 || this.#place === undefined) continue;
      if (this.#place === `before-${verb}`) {
        this.#pass(chunk.subarray(0, match.index));
        return this.#cut();
      }
      if (this.#place === `after-${verb}`) this.#cutAtReply = true;
    }
    this.#pass(chunk);
  }

  #body(chunk: Buffer): void {
    const text = this.#tail + chunk.toString('latin1');
    const found = text.indexOf('\r\n.\r\n');
    const mayCut = this.#spared === 0;
    if (mayCut && this.#place === 'in-body') {
      this.#pass(chunk.subarray(0, Math.floor(chunk.length / 2)));
      return this.#cut();
    }
    if (found < 0) {
      this.#tail = text.slice(-4);
      return this.#pass(chunk);
    }
    if (mayCut && this.#place === 'before-dot') {
      this.#pass(chunk.subarray(0, Math.max(0, found + 2 - this.#tail.length)));
      return this.#cut();
    }
    if (mayCut && this.#place === 'after-dot') this.#cutAtReply = true;
    this.#inBody = false;
    this.#spared = Math.max(0, this.#spared - 1);
    this.#pass(chunk);
  }

  #pass(chunk: Buffer): void {
    if (chunk.length > 0 && !this.#server.write(chunk)) this.#client.pause();
  }

  #cut(): void {
    this.#over = true;
    this.#options.onCut({ place: this.#place ?? 'after-dot', clientPort: this.#server.localPort ?? 0 });
    this.#client.resetAndDestroy();
    // What was passed on before the cut shall arrive: a reset may overtake it.
    this.#server.end();
    setTimeout(() => this.#server.resetAndDestroy(), 50).unref();
  }
}
