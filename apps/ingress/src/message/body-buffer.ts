/**
 * Collects one message body, with room in front for the trace lines that are known only at its end: a small message is
 * stored as it was received, in the same memory. A large one is collected in blocks of one size and put together once; one
 * buffer that grows was tried, and left holes of every size behind: a third more resident memory under large messages.
 */
import type { DataSink } from './data-reader.ts';

/** Room for our Received line: HELO name, addresses and host names have limits, see `received.ts`. */
export const headroomBytes = 2048;
export const blockBytes: number = 256 * 1024;
const firstCapacityBytes = 16 * 1024;

export class BodyBuffer implements DataSink {
  /** The beginning, headroom included; the whole once `content` was asked for. Grows up to one block. */
  #first: Buffer = Buffer.alloc(0);
  #firstEnd = headroomBytes;
  /** What follows; all but the last are full. */
  readonly #blocks: Buffer[] = [];
  #lastEnd = blockBytes;
  #keptBytes = 0;
  #droppedBytes = 0;
  #discarded = false;
  readonly #bytesMax: number;

  /** Octets beyond `bytesMax` are counted and dropped. Memory is taken as octets arrive, never on a client's word. */
  constructor(options: { readonly bytesMax: number }) {
    this.#bytesMax = options.bytesMax;
  }

  /** Octets met, those that were dropped included. */
  get bytes(): number {
    return this.#keptBytes + this.#droppedBytes;
  }

  get capacityBytes(): number {
    return this.#first.length + this.#blocks.length * blockBytes;
  }

  /** Memory this buffer would hold after `more` octets: what a budget is asked for before they are appended. */
  capacityAfter(more: number): number {
    if (this.#discarded) return 0;
    const needed = Math.min(this.#keptBytes + more, this.#bytesMax) + headroomBytes;
    const first = this.#blocks.length > 0 ? this.#first.length : this.#firstCapacity(needed);
    return first + Math.max(0, Math.ceil((needed - first) / blockBytes)) * blockBytes;
  }

  append(chunk: Uint8Array, from: number, to: number): void {
    const taken = this.#discarded ? 0 : Math.min(to - from, this.#bytesMax - this.#keptBytes);
    this.#droppedBytes += to - from - taken;
    this.#keptBytes += taken;
    let at = from;
    const end = from + taken;
    if (at < end && this.#blocks.length === 0) at += this.#fillFirst(chunk, at, end);
    while (at < end) {
      if (this.#lastEnd === blockBytes) {
        this.#blocks.push(Buffer.allocUnsafeSlow(blockBytes));
        this.#lastEnd = 0;
      }
      const block = this.#blocks.at(-1) as Buffer;
      const count = Math.min(end - at, blockBytes - this.#lastEnd);
      block.set(chunk.subarray(at, at + count), this.#lastEnd);
      this.#lastEnd += count;
      at += count;
    }
  }

  /** The beginning of what was collected: at least its first 250,000 octets. Nothing is copied. */
  head(): Buffer {
    return this.#first.subarray(headroomBytes, Math.max(headroomBytes, this.#firstEnd));
  }

  /** All that was collected, in one piece. */
  content(): Buffer {
    this.#putTogether();
    return this.head();
  }

  /** The content with `trace` (header lines, each with its CRLF) before it. */
  withTrace(trace: string): Buffer {
    this.#putTogether();
    const bytes = Buffer.byteLength(trace);
    if (bytes > headroomBytes)
      throw new RangeError(`trace lines of ${bytes} bytes, room for ${headroomBytes}`);
    if (this.#first.length === 0) this.#first = Buffer.allocUnsafeSlow(headroomBytes);
    this.#first.write(trace, headroomBytes - bytes, 'utf8');
    return this.#first.subarray(headroomBytes - bytes, this.#firstEnd);
  }

  /**
   * Lets go of the memory; `bytes` stays true. Used when the rest of a refused message is only read away, and when a message
   * is stored. The memory is freed now, not when the collector comes round: many large bodies would pile up until then.
   * Views of it (`content`, `withTrace`) are empty afterwards.
   */
  discard(): void {
    this.#droppedBytes = this.bytes;
    this.#keptBytes = 0;
    this.#discarded = true;
    for (const memory of [this.#first, ...this.#blocks.splice(0)]) free(memory);
    this.#first = Buffer.alloc(0);
    this.#firstEnd = headroomBytes;
  }

  #fillFirst(chunk: Uint8Array, from: number, to: number): number {
    const wanted = this.#firstEnd + to - from;
    if (wanted > this.#first.length) this.#growFirst(this.#firstCapacity(wanted));
    const count = Math.min(to - from, this.#first.length - this.#firstEnd);
    const whole = count === chunk.length;
    this.#first.set(whole ? chunk : chunk.subarray(from, from + count), this.#firstEnd);
    this.#firstEnd += count;
    return count;
  }

  #firstCapacity(needed: number): number {
    let capacity = Math.max(this.#first.length, firstCapacityBytes);
    while (capacity < needed && capacity < blockBytes) capacity *= 2;
    return capacity;
  }

  #growFirst(capacity: number): void {
    if (capacity === this.#first.length) return;
    const { buffer } = this.#first;
    this.#first =
      this.#first.length === 0 || !(buffer instanceof ArrayBuffer)
        ? Buffer.allocUnsafeSlow(capacity)
        : Buffer.from(buffer.transfer(capacity));
  }

  #putTogether(): void {
    if (this.#blocks.length === 0) return;
    const whole = Buffer.allocUnsafeSlow(headroomBytes + this.#keptBytes);
    let at = 0;
    const last = this.#blocks.length - 1;
    const parts = [
      this.#first,
      ...this.#blocks.map((block, index) => (index === last ? block.subarray(0, this.#lastEnd) : block)),
    ];
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
      free(part);
    }
    this.#blocks.length = 0;
    this.#lastEnd = blockBytes;
    this.#first = whole;
    this.#firstEnd = at;
  }
}

/** Memory of our own, made by `allocUnsafeSlow` or `transfer`: nobody else has a view of it. */
function free(memory: Buffer): void {
  const { buffer } = memory;
  if (memory.length > 0 && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
