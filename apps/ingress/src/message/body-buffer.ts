/**
 * Collects one message body in one piece of memory, with room in front for the trace lines that are known only at its
 * end: the body that is stored is a view of what was received, not a copy of it.
 */
import type { DataSink } from './data-reader.ts';

/** Room for our Received line: HELO name, addresses and host names have limits, see `received.ts`. */
export const headroomBytes = 2048;
const firstCapacityBytes = 16 * 1024;
/** Beyond this a buffer grows by half of itself, not to its double. */
const doublingBytesMax = 1024 * 1024;

export class BodyBuffer implements DataSink {
  #memory: Buffer = Buffer.alloc(0);
  #end = headroomBytes;
  #droppedBytes = 0;
  #discarded = false;
  readonly #bytesMax: number;
  readonly #expectedBytes: number;

  /**
   * `bytesMax`: octets beyond it are counted and dropped. `expectedBytes`: what the client declared; memory is taken as
   * octets arrive, never on its word alone.
   */
  constructor(options: { readonly bytesMax: number; readonly expectedBytes?: number }) {
    this.#bytesMax = options.bytesMax;
    this.#expectedBytes = Math.min(options.expectedBytes ?? 0, options.bytesMax);
  }

  /** Octets met, those that were dropped included. */
  get bytes(): number {
    return this.#end - headroomBytes + this.#droppedBytes;
  }

  /** Memory this buffer would hold after `more` octets: what a budget is asked for before they are appended. */
  capacityAfter(more: number): number {
    if (this.#discarded) return 0;
    const needed = Math.min(this.bytes + more, this.#bytesMax) + headroomBytes;
    let capacity = this.#memory.length;
    while (capacity < needed) capacity = this.#grown(capacity);
    return capacity;
  }

  get capacityBytes(): number {
    return this.#memory.length;
  }

  append(chunk: Uint8Array, from: number, to: number): void {
    const room = this.#discarded ? 0 : this.#bytesMax + headroomBytes - this.#end;
    const taken = Math.min(to - from, room);
    this.#droppedBytes += to - from - taken;
    if (taken <= 0) return;
    if (this.#end + taken > this.#memory.length) this.#grow(this.capacityAfter(taken));
    this.#memory.set(taken === chunk.length ? chunk : chunk.subarray(from, from + taken), this.#end);
    this.#end += taken;
  }

  /** What was collected so far, without the trace lines. */
  content(): Buffer {
    return this.#memory.subarray(headroomBytes, Math.max(headroomBytes, this.#end));
  }

  /** The content with `trace` (ASCII or UTF-8 header lines, each with its CRLF) before it. */
  withTrace(trace: string): Buffer {
    const bytes = Buffer.byteLength(trace);
    if (this.#memory.length < headroomBytes) this.#grow(headroomBytes);
    if (bytes > headroomBytes) return Buffer.concat([Buffer.from(trace), this.content()]);
    this.#memory.write(trace, headroomBytes - bytes, 'utf8');
    return this.#memory.subarray(headroomBytes - bytes, this.#end);
  }

  /** Lets go of the memory; `bytes` stays true. Used when the rest of a refused message is only read away. */
  discard(): void {
    this.#droppedBytes = this.bytes;
    this.#discarded = true;
    this.#end = headroomBytes;
    this.#memory = Buffer.alloc(0);
  }

  #grown(capacity: number): number {
    if (capacity === 0) {
      const first = this.#expectedBytes === 0 ? firstCapacityBytes : this.#expectedBytes + headroomBytes;
      return Math.min(first, doublingBytesMax);
    }
    const step = capacity < doublingBytesMax ? capacity : Math.ceil(capacity / 2);
    const next = Math.min(capacity + step, this.#bytesMax + headroomBytes);
    const expected = this.#expectedBytes + headroomBytes;
    return capacity < expected && expected <= next ? expected : next;
  }

  #grow(capacity: number): void {
    // transfer() frees the old memory at once; a copy would wait for the collector with the old one still held.
    const { buffer } = this.#memory;
    this.#memory =
      this.#memory.length === 0 || !(buffer instanceof ArrayBuffer)
        ? Buffer.allocUnsafeSlow(capacity)
        : Buffer.from(buffer.transfer(capacity));
  }
}
