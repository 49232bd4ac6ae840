/** A raw SMTP dialogue, line by line, for tests of a server: it sends exactly what it is told. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface RawReply {
  readonly code: number;
  /** Present if the text of the last line starts with one: `4.3.1`. */
  readonly enhancedCode: string | undefined;
  /** Lines without their codes. */
  readonly lines: readonly string[];
  /** The last line as it came. */
  readonly line: string;
}

export interface RawSmtpOptions {
  readonly host?: string;
  readonly localAddress?: string;
  /** Limit of every wait. Default 10,000. */
  readonly timeoutMs?: number;
}

export class RawSmtp {
  #socket: Socket;
  readonly #timeoutMs: number;
  #text = '';
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#listen(socket);
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** True once the server closed or reset the connection. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Sends lines, each with CRLF, in one write. */
  send(...lines: readonly string[]): void {
    this.#socket.write(lines.map((line) => `${line}\r\n`).join(''));
  }

  /** Sends bytes as they are. */
  write(data: string | Buffer): void {
    this.#socket.write(data);
  }

  /** The next reply; throws if its line does not match `wanted` (a code, or a pattern of the last line). */
  async expect(wanted?: number | RegExp): Promise<RawReply> {
    const reply = await this.#reply();
    const good =
      wanted === undefined || (typeof wanted === 'number' ? reply.code === wanted : wanted.test(reply.line));
    if (!good) throw new Error(`expected ${String(wanted)}, the server said: ${reply.line}`);
    return reply;
  }

  /** Sends a command and gives its reply. */
  command(line: string, wanted?: number | RegExp): Promise<RawReply> {
    this.send(line);
    return this.expect(wanted);
  }

  /** STARTTLS and the handshake; certificates are not verified. */
  async startTls(): Promise<void> {
    await this.command('STARTTLS', 220);
    this.#socket.removeAllListeners('data');
    const secured = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await once(secured, 'secureConnect');
    this.#socket = secured;
    this.#listen(secured);
  }

  /** Resolves when the server has closed. */
  async closed(): Promise<void> {
    await this.#until(() => this.#ended, 'the server to close');
  }

  close(): void {
    this.#socket.destroy();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString();
      this.#wake?.();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    socket.on('error', end);
    socket.on('close', end);
    socket.on('end', end);
  }

  async #reply(): Promise<RawReply> {
    const lines: string[] = [];
    for (;;) {
      await this.#until(() => this.#text.includes('\n') || this.#ended, 'a reply');
      const end = this.#text.indexOf('\n');
      if (end < 0)
        throw new Error(`the server closed instead of replying; last: ${lines.at(-1) ?? 'nothing'}`);
      const line = this.#text.slice(0, end).replace(/\r$/, '');
      this.#text = this.#text.slice(end + 1);
      lines.push(line.slice(4));
      if (line[3] === '-') continue;
      const enhancedCode = /^\d\.\d{1,3}\.\d{1,3}(?= |$)/.exec(line.slice(4))?.[0];
      return { code: Number(line.slice(0, 3)), enhancedCode, lines, line };
    }
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    const endMs = performance.now() + this.#timeoutMs;
    while (!done()) {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw new Error(`waited ${this.#timeoutMs} ms in vain for ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
  }
}

/** Connects to a server on this machine. The greeting is the first reply: `await client.expect(220)`. */
export async function rawSmtp(port: number, options: RawSmtpOptions = {}): Promise<RawSmtp> {
  const socket = connect({
    port,
    host: options.host ?? '127.0.0.1',
    ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
  });
  socket.setNoDelay(true);
  const client = new RawSmtp(socket, options.timeoutMs ?? 10_000);
  if (socket.connecting) await once(socket, 'connect');
  return client;
}
