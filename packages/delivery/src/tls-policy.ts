/** What a next hop's TLS level means for a connection (RFC 3207, RFC 8314 section 3.3). */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { createSecureContext, getCACertificates, type ConnectionOptions, type SecureContext } from 'node:tls';
import type { Host, TlsLevel } from '@mailwheel/routing';

/** How a connection to one host is secured. */
export interface TlsPlan {
  readonly level: TlsLevel;
  /** TLS from the first byte. */
  readonly implicit: boolean;
  /** STARTTLS is said even if it is not offered: without it there is no delivery. */
  readonly demanded: boolean;
  /** STARTTLS is not said even if it is offered. */
  readonly ignored: boolean;
  /** For SNI, and for the certificate where it is verified; absent: the address. */
  readonly serverName?: string;
  readonly options: ConnectionOptions;
}

/** Contexts are made once: making one with all authorities takes milliseconds. */
export class TlsPolicy {
  readonly #context: SecureContext;

  /** Throws if the file with further authorities cannot be read or holds no certificate. */
  constructor(caFile: string | undefined) {
    const ca = caFile === undefined ? {} : { ca: [...getCACertificates('default'), authorities(caFile)] };
    this.#context = createSecureContext(ca);
  }

  /**
   * `plainText` (row 3: STARTTLS failed here before) counts for `opportunistic` only: what demands TLS never goes without.
   * An unverified connection is still an encrypted one: only `verify` and `implicit` look at the certificate.
   */
  planFor(host: Host, plainText: boolean): TlsPlan {
    const level = host.policy.tls;
    const verified = level === 'verify' || level === 'implicit';
    const name = host.policy.tlsServerName ?? host.name;
    const serverName = name === undefined || isIP(name) !== 0 ? {} : { serverName: name };
    return {
      level,
      implicit: level === 'implicit',
      demanded: level === 'require' || level === 'verify',
      ignored: level === 'none' || (level === 'opportunistic' && plainText),
      ...serverName,
      options: { rejectUnauthorized: verified, secureContext: this.#context },
    };
  }
}

function authorities(caFile: string): string {
  const text = readFileSync(caFile, 'utf8');
  // node:tls takes a file without a certificate and trusts nobody more for it.
  void new X509Certificate(text);
  return text;
}
