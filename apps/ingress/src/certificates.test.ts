/** What a handshake may be, where OpenSSL itself would take more. */
import { createCertificates, type Certificates } from '@mailwheel/testkit';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TlsOptions } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { handshakeOptions } from './certificates.ts';

let certificates: Certificates;

beforeAll(async () => {
  certificates = await createCertificates();
});
afterAll(async () => {
  await certificates.remove();
});

const settings = {
  certificateFile: 'c',
  keyFile: 'k',
  clientCertificates: 'off',
  clientCertificatesRelay: false,
} as const;
/** OpenSSL speaks versions below 1.2 at this level only. */
const ciphers = 'DEFAULT:@SECLEVEL=0';

/** Version that a client of TLS 1.1 at most, or of 1.2 that asks to renegotiate, gets. */
async function spoken(options: TlsOptions, renegotiate = false): Promise<string> {
  const { key, cert } = certificates.host;
  const server = createServer({ key, cert, ciphers, ...options }, (socket) =>
    socket.on('error', () => undefined),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const maxVersion = renegotiate ? 'TLSv1.2' : 'TLSv1.1';
  const { port } = server.address() as AddressInfo;
  const client = connect({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ciphers,
    minVersion: 'TLSv1',
    maxVersion,
  });
  try {
    await once(client, 'secureConnect');
    if (!renegotiate) return client.getProtocol() ?? 'none';
    return await new Promise<string>((resolve) => {
      client.on('error', () => resolve('no'));
      client.renegotiate({}, (error) => resolve(error === null ? 'again' : 'no'));
    });
  } catch {
    return 'nothing';
  } finally {
    client.destroy();
    server.close();
  }
}

test('TLS 1.1 is not spoken, though the library could', async () => {
  expect(await spoken({ ...handshakeOptions(settings), minVersion: 'TLSv1' })).toBe('TLSv1.1');
  expect(await spoken(handshakeOptions(settings))).toBe('nothing');
});

test('no client of TLS 1.2 renegotiates', async () => {
  expect(await spoken({}, true)).toBe('again');
  expect(await spoken(handshakeOptions(settings), true)).toBe('no');
});

test('client certificates are asked for, and required, as the settings say', () => {
  expect(handshakeOptions(undefined)).toEqual({});
  const asked = { requestCert: true, rejectUnauthorized: false };
  expect(handshakeOptions({ ...settings, clientCertificates: 'optional' })).toMatchObject(asked);
  expect(handshakeOptions({ ...settings, clientCertificates: 'required' })).toMatchObject({
    requestCert: true,
    rejectUnauthorized: true,
  });
});
