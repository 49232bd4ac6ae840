/**
 * Who may use the HTTP API: bearers of a token, known by its SHA-256 only; or, where no tokens are configured, clients of
 * the trusted networks (by default loopback in `up`, nobody in `ingress`).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { TrustedNetworks } from '../smtp/trusted-networks.ts';

export interface TokenSettings {
  readonly name: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  /** Reverse-paths it may use, `*` standing for any characters; absent: all. */
  readonly from?: readonly string[] | undefined;
}

/** Who asks. `name` absent: a trusted network, which may send and read everything. */
export interface Principal {
  readonly name?: string;
  readonly maySendFrom: (reversePath: string) => boolean;
}

export interface AccessOptions {
  readonly tokens: readonly TokenSettings[];
  readonly trusted: TrustedNetworks;
  /** `ingress.http.insecure`: without tokens, anybody. */
  readonly insecure: boolean;
}

export type Access = (request: {
  readonly authorization: string | undefined;
  readonly clientAddress: string;
}) => Principal | undefined;

const anySender = (): boolean => true;

/** Makes the judge of who asks; `undefined` from it: 401. */
export function createAccess(options: AccessOptions): Access {
  const known = options.tokens.map((token) => ({
    digest: Buffer.from(token.sha256, 'hex'),
    principal: { name: token.name, maySendFrom: senderPatterns(token.from) },
  }));
  if (known.length === 0) {
    return ({ clientAddress }) =>
      options.insecure || options.trusted(clientAddress) ? { maySendFrom: anySender } : undefined;
  }
  return ({ authorization }) => {
    const bearer = /^Bearer +([A-Za-z0-9._~+/=-]{1,512})$/i.exec(authorization ?? '')?.[1];
    if (bearer === undefined) return undefined;
    const digest = createHash('sha256').update(bearer).digest();
    // Every token is compared, whichever matches: the time tells nothing about which or whether.
    let found: Principal | undefined;
    for (const token of known) {
      if (timingSafeEqual(digest, token.digest)) found = token.principal;
    }
    return found;
  };
}

/** Patterns against `local@destination` in lower case; `''` (the null reverse-path) is matched like any other text. */
function senderPatterns(patterns: readonly string[] | undefined): (reversePath: string) => boolean {
  if (patterns === undefined) return anySender;
  const pieces = patterns.map((pattern) => pattern.toLowerCase().split('*'));
  return (reversePath) => pieces.some((parts) => matches(parts, reversePath.toLowerCase()));
}

/** `parts` are the pieces between the stars. Linear in the text: no pattern can make it slow. */
function matches(parts: readonly string[], text: string): boolean {
  const [first = '', ...rest] = parts;
  if (rest.length === 0) return text === first;
  if (!text.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
