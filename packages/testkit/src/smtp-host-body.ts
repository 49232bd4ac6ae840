/** Collects the bytes after DATA until the terminating dot. */

const TERMINATOR = Buffer.from('\r\n.\r\n');
const DOT_AT_LINE_START = Buffer.from('\r\n.');

export class BodyCollector {
  readonly #chunks: Buffer[] = [];
  /** Last bytes seen, for a terminator that is split over chunks. A CRLF goes before the first byte (RFC 5321 4.1.1.4). */
  #tail: Buffer = Buffer.from('\r\n');
  /** Bytes so far, as they came. */
  bytes = 0;

  /** Takes what belongs to the body; gives back what follows the terminator, or undefined when it has not come yet. */
  take(chunk: Buffer): Buffer | undefined {
    const joint = Buffer.concat([this.#tail, chunk.subarray(0, 4)]);
    const inJoint = joint.indexOf(TERMINATOR);
    let end: number | undefined;
    if (inJoint >= 0) end = inJoint + TERMINATOR.length - this.#tail.length;
    else {
      const found = chunk.indexOf(TERMINATOR);
      if (found >= 0) end = found + TERMINATOR.length;
    }
    const own = end === undefined ? chunk : chunk.subarray(0, end);
    this.#chunks.push(own);
    this.bytes += own.length;
    if (end !== undefined) return chunk.subarray(end);
    this.#tail = chunk.length >= 4 ? chunk.subarray(-4) : Buffer.concat([this.#tail, chunk]).subarray(-4);
    return undefined;
  }

  /** The message after dot-unstuffing; valid once `take` has found the terminator. */
  message(): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    const stuffed = all.subarray(0, all.length - 3);
    const parts: Buffer[] = [];
    let from = stuffed[0] === 0x2e ? 1 : 0;
    for (;;) {
      const dot = stuffed.indexOf(DOT_AT_LINE_START, from);
      if (dot < 0) break;
      parts.push(stuffed.subarray(from, dot + 2));
      from = dot + 3;
    }
    if (parts.length === 0) return Buffer.from(stuffed.subarray(from));
    parts.push(stuffed.subarray(from));
    return Buffer.concat(parts);
  }
}
