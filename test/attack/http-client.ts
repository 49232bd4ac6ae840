/**
 * A client of the attack that submits over HTTP, each message under an Idempotency-Key: as long as it does not know what
 * became of a request it makes the same one again, to any ingress.
 */
import type { JsonMail, Mail } from './mail.ts';
import type { PlacedIngress } from './layout.ts';
import type { Random } from './random.ts';
import type { Submitted } from './smtp-client.ts';

const triesMax = 6;
/** Of the time that a key is remembered: longer a client does not wait for a reply, and longer it does not repeat itself. */
const waitShare = 0.25;
const repeatShare = 0.5;

export interface HttpTry {
  readonly ingress: string;
  readonly result: Submitted & { readonly id?: string };
}

export class HttpClient {
  readonly #ingresses: readonly PlacedIngress[];
  readonly #random: Random;
  readonly #rememberedMs: number;

  /** @param rememberedMs how long the tier remembers an Idempotency-Key. */
  constructor(ingresses: readonly PlacedIngress[], random: Random, rememberedMs: number) {
    this.#ingresses = ingresses;
    this.#random = random;
    this.#rememberedMs = rememberedMs;
  }

  /** Every try is told as it ends; the last one decides. */
  async submit(mail: Mail | JsonMail, told: (one: HttpTry) => void): Promise<void> {
    const endMs = Date.now() + repeatShare * this.#rememberedMs;
    for (let tries = 1; tries <= triesMax && Date.now() < endMs; tries += 1) {
      const one = await this.#try(mail);
      told(one);
      if (one.result.kind === 'answered' && one.result.code < 500) return;
      await new Promise((resolve) => setTimeout(resolve, this.#random.whole(50, 1_500)));
    }
  }

  async #try(mail: Mail | JsonMail): Promise<HttpTry> {
    const ingress = this.#random.pick(this.#ingresses);
    const address = `http://127.0.0.1:${ingress.httpPort}/v1/messages`;
    const isJson = 'body' in mail;
    const query = new URLSearchParams([
      ['from', mail.from],
      ...mail.to.map((to): [string, string] => ['to', to]),
    ]);
    try {
      const response = await fetch(isJson ? address : `${address}?${query}`, {
        method: 'POST',
        headers: {
          'content-type': isJson ? 'application/json' : 'message/rfc822',
          'idempotency-key': `message ${mail.number}`,
        },
        body: isJson ? mail.body : new Uint8Array(mail.bytes),
        signal: AbortSignal.timeout(waitShare * this.#rememberedMs),
      });
      const text = await response.text();
      const { id, detail } = parsed(text);
      return {
        ingress: ingress.name,
        result: {
          kind: 'answered',
          code: response.status,
          reply: detail ?? text.slice(0, 100),
          ...(id === undefined ? {} : { id }),
        },
      };
    } catch {
      // Not even the connection may have come about; who cannot tell says "perhaps".
      return { ingress: ingress.name, result: { kind: 'silence', complete: true } };
    }
  }
}

function parsed(text: string): { readonly id?: string; readonly detail?: string } {
  try {
    return JSON.parse(text) as { readonly id?: string; readonly detail?: string };
  } catch {
    return {};
  }
}
