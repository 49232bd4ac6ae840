/**
 * Reads the data of one message from the chunks of a socket: finds its end, takes the stuffed dots out, and looks at
 * every octet once.
 *
 * The end is CRLF `.` CRLF and nothing else (RFC 5321 section 4.1.1.4), wherever the chunks are cut. A bare CR or LF never
 * begins a line here: no dot is taken out after it and no terminator is seen after it, so what one reader would take for
 * the end of the message and another would not (SMTP smuggling) is found, reported and refused, or normalised as content.
 */

/** Where the octets go, in order. `chunk` is valid during the call only. */
export interface DataSink {
  append(chunk: Uint8Array, from: number, to: number): void;
}

/** Between two octets: where the line stands. */
const lineState = {
  /** At the start, or after CRLF. */
  lineStart: 0,
  /** After a `.` at the start of a line; it has not been written. */
  afterDot: 1,
  /** After `.` CR at the start of a line; neither has been written. */
  afterDotCr: 2,
  inLine: 3,
  /** After a CR that ended a chunk or is bare; it has not been written. */
  afterCr: 4,
} as const;

const nul = 0x00;
const lf = 0x0a;
const cr = 0x0d;
const dot = 0x2e;
const crlf = Uint8Array.of(cr, lf);
const loneCr = Uint8Array.of(cr);

export class DataReader {
  /** A CR without LF or an LF without CR was met. */
  bareNewline = false;
  nulOctet = false;
  /** True once the terminator has been read. */
  ended = false;
  #state: (typeof lineState)[keyof typeof lineState] = lineState.lineStart;
  readonly #normalise: boolean;

  /** `normalise`: a bare CR or LF becomes CRLF in what is written. */
  constructor(options: { readonly normalise: boolean }) {
    this.#normalise = options.normalise;
  }

  /** Takes a chunk; returns how many of its octets belong to the data. Fewer than all: the rest came after the terminator. */
  push(chunk: Uint8Array, sink: DataSink): number {
    const length = chunk.length;
    const words = wordsOf(chunk);
    const skew = chunk.byteOffset - words.byteOffset;
    let at = 0;
    /** First octet that is not written yet. */
    let from = 0;
    while (at < length) {
      if (this.#state === lineState.inLine) {
        at = nextLowOctet(chunk, words, at, skew);
        if (at === length) break;
        const octet = chunk[at] as number;
        if (octet === cr) {
          if (chunk[at + 1] === lf) {
            at += 2;
            if (at === length || chunk[at] === dot) this.#state = lineState.lineStart;
          } else {
            sink.append(chunk, from, at);
            from = ++at;
            this.#state = lineState.afterCr;
          }
        } else if (octet === lf) {
          from = this.#bareLf(chunk, { from, at }, sink);
          at++;
        } else {
          if (octet === nul) this.nulOctet = true;
          at++;
        }
        continue;
      }
      const octet = chunk[at] as number;
      switch (this.#state) {
        case lineState.lineStart:
          if (octet === dot) {
            sink.append(chunk, from, at);
            from = ++at;
            this.#state = lineState.afterDot;
          } else this.#state = lineState.inLine;
          break;
        case lineState.afterDot:
          if (octet === cr) {
            from = ++at;
            this.#state = lineState.afterDotCr;
          } else this.#state = lineState.inLine; // A stuffed dot (RFC 5321 section 4.5.2): gone.
          break;
        case lineState.afterDotCr:
          if (octet === lf) {
            this.ended = true;
            return at + 1;
          }
          this.#bareCr(sink);
          break;
        case lineState.afterCr:
          if (octet === lf) {
            sink.append(crlf, 0, 2);
            from = ++at;
            this.#state = lineState.lineStart;
          } else this.#bareCr(sink);
          break;
      }
    }
    if (from < length) sink.append(chunk, from, length);
    return length;
  }

  #bareCr(sink: DataSink): void {
    this.bareNewline = true;
    sink.append(this.#normalise ? crlf : loneCr, 0, this.#normalise ? 2 : 1);
    this.#state = lineState.inLine;
  }

  /** Returns the first octet that is not written. */
  #bareLf(chunk: Uint8Array, place: { readonly from: number; readonly at: number }, sink: DataSink): number {
    this.bareNewline = true;
    if (!this.#normalise) return place.from;
    sink.append(chunk, place.from, place.at);
    sink.append(crlf, 0, 2);
    return place.at + 1;
  }
}

/** The octets of a chunk four at a time, from the first aligned one on. */
function wordsOf(chunk: Uint8Array): Int32Array {
  const start = (chunk.byteOffset + 3) & ~3;
  const count = Math.max(0, (chunk.byteOffset + chunk.length - start) >> 2);
  return new Int32Array(chunk.buffer, count === 0 ? 0 : start, count);
}

/**
 * First place from `at` on with an octet that is CR or below, else the length. Almost every octet of a message is above,
 * and this loop is where the time goes.
 */
function nextLowOctet(chunk: Uint8Array, words: Int32Array, from: number, skew: number): number {
  const length = chunk.length;
  let at = from;
  while (at < length && ((skew + at) & 3) !== 0) {
    if ((chunk[at] as number) <= cr) return at;
    at++;
  }
  if (at < length) {
    let word = (skew + at) >> 2;
    const first = word;
    const end = words.length;
    while (word < end) {
      const four = words[word] as number;
      // Exact: nonzero when, and only when, one of the four bytes is below 14.
      if (((four - 0x0e0e0e0e) & ~four & 0x80808080) !== 0) break;
      word++;
    }
    at += (word - first) << 2;
  }
  while (at < length && (chunk[at] as number) > cr) at++;
  return at;
}
