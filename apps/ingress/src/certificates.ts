/** The certificate of the SMTP listeners: read from its files, tried out before it is used, read again when they change. */
import type { SmtpTlsSettings } from '@mailwheel/settings';
import { constants } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { WatchedFiles } from './files/watched-files.ts';
import type { Report } from './events.ts';

/** Renegotiation of TLS 1.2 gives a client handshakes to burden us with, and mail nothing. */
const noRenegotiation = constants.SSL_OP_NO_RENEGOTIATION;

/** What is not a matter of the files; for the constructor of the listener. */
export function handshakeOptions(tls: SmtpTlsSettings | undefined): Record<string, unknown> {
  if (tls === undefined) return {};
  return {
    minVersion: 'TLSv1.2',
    secureOptions: noRenegotiation,
    // An unverified certificate of an optional one is no certificate; a required one ends the handshake.
    requestCert: tls.clientCertificates !== 'off',
    rejectUnauthorized: tls.clientCertificates === 'required',
  };
}

export interface CertificateUser {
  updateSecureContext(options: SecureContextOptions): void;
}

/** Gives the listeners their certificate, now and at each change. Rejects on `start` if the files cannot be used. */
export function watchCertificate(
  tls: SmtpTlsSettings,
  options: {
    readonly intervalMs: number;
    readonly listeners: readonly CertificateUser[];
    readonly report: Report;
  },
): WatchedFiles {
  const { certificateFile, keyFile, caFile } = tls;
  const what = `ingress.smtp.tls (${certificateFile})`;
  return new WatchedFiles({
    files: caFile === undefined ? [certificateFile, keyFile] : [certificateFile, keyFile, caFile],
    intervalMs: options.intervalMs,
    take: ([cert = '', key = '', ca]) => {
      const material = { cert, key, ...(ca === undefined ? {} : { ca }) };
      tryOut(material, what);
      for (const listener of options.listeners) listener.updateSecureContext(material);
    },
    onChange: (fault) => options.report({ kind: 'file-changed', what, fault }),
  });
}

/** A certificate and a key that do not belong together must not reach a listener. */
function tryOut(material: SecureContextOptions, what: string): void {
  try {
    createSecureContext(material);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${what} cannot be used: ${reason}`, { cause });
  }
}
