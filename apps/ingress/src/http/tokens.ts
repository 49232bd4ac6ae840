/**
 * Who may use the HTTP API: bearers of a token, known by its SHA-256 only; or, where no tokens are configured, clients of
 * the trusted networks (by default loopback in `up`, nobody in `ingress`).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { anySender, senderPatterns } from '../sender-patterns.ts';
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
