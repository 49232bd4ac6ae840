/** The messages of an attack: envelope, bytes and digest, as the seed gives them. */
import { digestOf } from './message-facts.ts';
import { homeDomain } from './plan.ts';
import type { Random } from './random.ts';

export interface Mail {
  readonly number: number;
  readonly from: string;
  readonly to: readonly string[];
  /** With CRLF everywhere, before dot-stuffing. */
  readonly bytes: Buffer;
  readonly digest: string;
}

export interface JsonMail extends Omit<Mail, 'bytes'> {
  readonly body: string;
}

/** Lines to cut bodies from: dots at their beginnings, lone dots, eight-bit text, empty lines. */
function quarry(random: Random, bytes: number): Buffer {
  const lines: string[] = [];
  let length = 0;
  while (length < bytes) {
    const start = random.weighted({ '': 90, '.': 4, '..': 2, '. ': 2, 'é ü ': 2 });
    const words = Array.from({ length: random.whole(0, 12) }, () =>
      Math.floor(random.next() * 0xffffffff).toString(36),
    );
    const line = `${start}${words.join(' ')}\r\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join(''));
}

const quarryBytes = 4_194_304;

export class MailMaker {
  readonly #random: Random;
  readonly #domains: readonly string[];
  readonly #quarry: Buffer;
  #last = 0;

  constructor(random: Random, domains: readonly string[]) {
    this.#random = random;
    this.#domains = domains;
    this.#quarry = quarry(random, quarryBytes);
  }

  next(): Mail {
    const number = ++this.#last;
    const header = `X-Attack-Number: ${number}\r\nSubject: message ${number}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n`;
    const bytes = Buffer.concat([Buffer.from(header), this.#slice(this.#size()), Buffer.from('\r\nend\r\n')]);
    return { number, ...this.#envelope(number), bytes, digest: digestOf(bytes) };
  }

  /** For the JSON form, where the ingress composes: short ASCII lines, which it has no reason to encode. */
  nextJson(): JsonMail {
    const number = ++this.#last;
    const { from, to } = this.#envelope(number);
    const text = Array.from(
      { length: this.#random.whole(1, 40) },
      (_, line) => `${line} ${'word '.repeat(this.#random.whole(0, 10))}end`,
    ).join('\r\n');
    const body = JSON.stringify({
      from,
      bcc: to,
      subject: `message ${number}`,
      text,
      headers: { 'X-Attack-Number': String(number) },
    });
    return { number, from, to, body, digest: digestOf(Buffer.from(`${text}\r\n`)) };
  }

  #size(): number {
    const kind = this.#random.weighted({ small: 74, middle: 20, large: 5.6, huge: 0.4 });
    switch (kind) {
      case 'small':
        return Math.round(this.#random.magnitude(100, 4_000));
      case 'middle':
        return Math.round(this.#random.magnitude(4_000, 30_000));
      case 'large':
        return Math.round(this.#random.magnitude(30_000, 250_000));
      case 'huge':
        return Math.round(this.#random.magnitude(250_000, 2_000_000));
    }
  }

  #slice(bytes: number): Buffer {
    const from = this.#random.whole(0, this.#quarry.length - bytes - 1);
    // A slice may begin within a CRLF: what stands alone then would be refused.
    const first = this.#quarry.indexOf('\r\n', from) + 2;
    const last = this.#quarry.lastIndexOf('\r\n', from + bytes);
    return first <= 1 || last <= first ? Buffer.alloc(0) : this.#quarry.subarray(first, last);
  }

  #envelope(number: number): { readonly from: string; readonly to: readonly string[] } {
    const count = Number(this.#random.weighted({ '1': 62, '2': 16, '3': 8, '5': 7, '8': 5, '30': 2 }));
    const home = this.#random.pick(this.#domains);
    const to = Array.from({ length: count }, (_, at) => {
      const domain = this.#random.chance(0.6) ? home : this.#random.pick(this.#domains);
      const name = this.#random.chance(0.03) ? 'unknown' : 'user';
      return `${name}${at}.${number}@${domain}`;
    });
    return { from: `sender.${number}@${homeDomain}`, to };
  }
}
