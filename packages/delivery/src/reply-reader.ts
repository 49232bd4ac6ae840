/**
 * Cuts what a host says into replies. Keeps no more than one unfinished reply, which is bounded: a host that never ends its
 * line or its reply, or sends blank lines for ever, is found out.
 */
import { replyBytesMax } from './options.ts';

const digit0 = 0x30;
const digit9 = 0x39;
const space = 0x20;
const hyphen = 0x2d;

export class ReplyReader {
  /** The line being received. One character a byte, so that characters split over chunks survive. */
  #line = '';
  /** Finished lines of the reply being received. */
  #lines = '';
  /** Bytes since the last finished reply. */
  #bytes = 0;

  /**
   * Takes what came and calls `take` with each finished reply, lines joined by `\n`, and whether the host had said more when
   * this came; `take` says whether to go on. False: the host said more than a reply may have.
   */
  feed(chunk: Buffer, take: (reply: string, more: boolean) => boolean): boolean {
    const text = chunk.toString('latin1');
    let from = 0;
    for (;;) {
      const end = text.indexOf('\n', from);
      if (end < 0) break;
      this.#bytes += end - from + 1;
      if (this.#bytes > replyBytesMax) return false;
      let line = this.#line + text.slice(from, end);
      if (line.endsWith('\r')) line = line.slice(0, -1);
      this.#line = '';
      from = end + 1;
      const reply = this.#finished(line);
      if (reply !== undefined && !take(reply, saysMore(text, from))) return true;
    }
    this.#bytes += text.length - from;
    if (this.#bytes > replyBytesMax) return false;
    this.#line += text.slice(from);
    return true;
  }

  /** What came of an unfinished reply, as a reply if it reads like a refusal: some hosts close without ending their line. */
  unfinishedRefusal(): string | undefined {
    const text = this.#lines + this.#line;
    return /^[45]\d\d[ -]/.test(text) ? decoded(text) : undefined;
  }

  #finished(line: string): string | undefined {
    // Blank lines between replies say nothing; some hosts send them.
    if (line === '' && this.#lines === '') return undefined;
    const separator = codeSeparator(line);
    // A line without a code that is not the first continues the text (`parseReply` reads it so).
    if (separator === hyphen || (separator === undefined && this.#lines !== '')) {
      this.#lines += `${line}\n`;
      return undefined;
    }
    const reply = this.#lines + line;
    this.#lines = '';
    this.#bytes = 0;
    return decoded(reply);
  }
}

/** Blank lines say nothing. */
function saysMore(text: string, from: number): boolean {
  return from < text.length && /[^\r\n]/.test(from === 0 ? text : text.slice(from));
}

/** The character after a three-digit code (space at the end of the line); undefined: the line has no code. */
function codeSeparator(line: string): number | undefined {
  for (let at = 0; at < 3; at += 1) {
    const unit = line.charCodeAt(at);
    if (!(unit >= digit0 && unit <= digit9)) return undefined;
  }
  if (line.length === 3) return space;
  const separator = line.charCodeAt(3);
  return separator === hyphen || separator === space ? separator : undefined;
}

/** Reply texts have no charset (RFC 5321 section 4.2.1); those that are not ASCII are UTF-8 in practice. */
function decoded(bytes: string): string {
  // oxlint-disable-next-line no-control-regex -- the question is exactly whether a byte above 0x7f is in it
  return /[^\x00-\x7f]/.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
}
