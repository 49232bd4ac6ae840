/**
 * Reading request bodies under the process's one budget for bodies: a client beyond it is not read from. The octets are
 * kept as they came, for the digest behind an Idempotency-Key.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import type { BodyBudget, BodyHold } from '../message/bodies-in-flight.ts';
import { BodyBuffer } from '../message/body-buffer.ts';
import { Problem } from './problem.ts';

export interface Upload {
  readonly buffer: BodyBuffer;
  readonly hold: BodyHold;
}

/** JSON is held as it came, as text, as values, as the message made of them, and as what is stored. */
const jsonWeight = 5;
/** A message is held as it came and as what is stored. */
const messageWeight = 2;

export class Uploads {
  readonly #budget: BodyBudget;
  readonly #bytesMax: number;
  readonly #byRequest = new WeakMap<FastifyRequest, Upload>();

  constructor(budget: BodyBudget, bytesMax: number) {
    this.#budget = budget;
    this.#bytesMax = bytesMax;
  }

  /** What was read for this request. */
  of(request: FastifyRequest): Upload {
    const upload = this.#byRequest.get(request);
    if (upload === undefined) throw new Error('a request without a body reached its handler');
    return upload;
  }

  /** Gives the memory back when the reply is out, or the client gone. */
  releaseWith(request: FastifyRequest, reply: FastifyReply): void {
    reply.raw.once('close', () => this.#byRequest.get(request)?.hold.release());
  }

  /** Reads a message/rfc822 body. */
  async readMessage(request: FastifyRequest, payload: Readable): Promise<Buffer> {
    const { buffer, hold } = await this.#read(request, payload);
    await granted(request, hold, messageWeight * buffer.bytes);
    return buffer.content();
  }

  /** Reads a JSON body as text. */
  async readText(request: FastifyRequest, payload: Readable): Promise<string> {
    const { buffer, hold } = await this.#read(request, payload);
    await granted(request, hold, jsonWeight * buffer.bytes);
    return buffer.content().toString('utf8');
  }

  async #read(request: FastifyRequest, payload: Readable): Promise<Upload> {
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > this.#bytesMax) throw this.#tooLarge();
    const buffer = new BodyBuffer({ bytesMax: this.#bytesMax });
    const hold = this.#budget.open(() => request.raw.destroy());
    this.#byRequest.set(request, { buffer, hold });
    // Left early, the iterator must not destroy the request: the reply that says why goes out on its socket.
    const chunks = payload.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of chunks) {
      await granted(request, hold, buffer.capacityAfter(chunk.length));
      buffer.append(chunk, 0, chunk.length);
      if (buffer.bytes > this.#bytesMax) throw this.#tooLarge();
    }
    return { buffer, hold };
  }

  #tooLarge(): Problem {
    return new Problem('body-too-large', `a request body has at most ${this.#bytesMax} bytes`);
  }
}

async function granted(request: FastifyRequest, hold: BodyHold, bytes: number): Promise<void> {
  const grant = hold.reserve(bytes);
  if (grant === true) return;
  // The client waits for us: nothing moves on its connection, and that is not its fault.
  const { socket } = request.raw;
  const idleMs = socket.timeout ?? 0;
  socket.setTimeout(0);
  const isGranted = await grant;
  socket.setTimeout(idleMs);
  if (!isGranted) throw new Problem('request-timeout', 'the request was given up');
}
