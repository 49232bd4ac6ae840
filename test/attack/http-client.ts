/**
 * A client of the attack that submits over HTTP, each message under an Idempotency-Key: as long as it does not know what
 * became of a request it makes the same one again, to any ingress.
 */
import type { JsonMail, Mail } from './mail.ts';
import type { PlacedIngress } from './layout.ts';
import type { Random } from './random.ts';
import type { Submitted } from './smtp-client.ts';

const replyWaitMs = 30_000;
const triesMax = 6;

export interface HttpTry {
  readonly ingress: string;
  readonly result: Submitted & { readonly id?: string };
}

export class HttpClient {
  readonly #ingresses: readonly PlacedIngress[];
  readonly #random: Random;

  constructor(ingresses: readonly PlacedIngress[], random: Random) {
    this.#ingresses = ingresses;
    this.#random = random;
  }

  /** Every try is told as it ends; the last one decides. */
  async submit(mail: Mail | JsonMail, told: (one: HttpTry) => void): Promise<void> {
    for (let tries = 1; tries <= triesMax; tries += 1) {
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
        signal: AbortSignal.timeout(replyWaitMs),
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
