/**
 * smtp-server's connection as a wire: replies that leave together, our enhanced codes, our parser, and TLS. What is said on
 * the wire is `session.ts`.
 */
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { CommandStream } from './command-stream.ts';
import type { Reply } from './reply.ts';

/** What a handshake has shown. */
export interface Secured {
  /** `TLSv1.3` */
  readonly protocol: string;
  readonly cipher: string;
  /** The client showed a certificate, and the authorities of `caFile` vouch for it. */
  readonly certified: boolean;
}

export abstract class WireConnection extends SMTPConnection {
  #corked = false;
  /** From STARTTLS (or the beginning) to the end of the handshake. */
  #handshake: Socket | undefined;

  /** The handshake is done. Nothing that was said before it counts (RFC 3207 section 4.2). */
  protected abstract onSecured(secured: Secured): void;
  protected abstract onHandshakeFailed(error: Error): void;

  reply(reply: Reply): void {
    this.send(reply.code, reply.text, reply.enhancedCode ?? false);
  }

  /** Replies to pipelined commands leave in one segment: the socket is uncorked when the current turn ends. */
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    if (!this.#corked) {
      this.#corked = true;
      const socket = this._socket;
      socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    super.send(code, data, context);
  }

  /** Our replies bring their own code; the library's choice stands for its own. */
  override _getEnhancedStatusCode(code: number, context?: string | false): string {
    const own = typeof context === 'string' && /^\d\.\d+\.\d+$/.test(context);
    return own ? context : super._getEnhancedStatusCode(code, context);
  }

  override _createParser(): CommandStream {
    const parser = new CommandStream({ maxCommandLength: this._server.options.maxCommandLength });
    parser.oncommand = (command, callback) => this._onCommand(command, callback);
    parser.on('error', (error) => this.send(421, error.message));
    return parser;
  }

  /** The library throws away what came behind STARTTLS in plain text: its parser is retired with all it holds. */
  override upgrade(callback: () => void, secureCallback?: () => void): void {
    // The 220 must be out before the handshake takes the socket over.
    this._socket.uncork();
    super.upgrade(callback, () => {
      this.#handshake = undefined;
      this.onSecured(securedBy(this._socket));
      secureCallback?.();
    });
  }

  /** The one place where the library shows the TLS socket of a handshake that is not done. */
  override _armTimeout(socket: Socket = this._socket): void {
    if (socket !== this._socket) this.#handshake = socket;
    super._armTimeout(socket);
  }

  /** A handshake is ended from above: to end the socket below it would leave the TLS layer in the air. */
  override close(): void {
    if (this._upgrading) this.#handshake?.destroy();
    super.close();
  }

  override _onError(error: Error & { code?: string | undefined }): void {
    if (!this._upgrading) {
      super._onError(error);
      return;
    }
    // The library tells of one failure by several events.
    if (!this._closing) this.onHandshakeFailed(error);
    this.close();
  }
}

function securedBy(socket: Socket): Secured {
  if (!(socket instanceof TLSSocket)) throw new Error('a handshake ended without a TLS socket');
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().name,
    certified: socket.authorized,
  };
}
