/** What TLS and login tests share: certificates, users files, a client under TLS, AUTH lines. */
import { createCertificates, RawSmtp, type Certificates } from '@mailwheel/testkit';
import { scryptSync } from 'node:crypto';
import { once } from 'node:events';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';

export { createCertificates, type Certificates };

/** A line of a users file, with the cheapest hash that is taken. */
export function userLine(name: string, password: string, words = ''): string {
  const salt = Buffer.from('0123456789abcdef');
  const hash = scryptSync(password, salt, 32, { N: 2 ** 14, r: 8, p: 1 });
  const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
  return `${name}:$scrypt$ln=14,r=8,p=1$${unpadded(salt)}$${unpadded(hash)} ${words}\n`;
}

export function plain(name: string, password: string): string {
  return `AUTH PLAIN ${Buffer.from(`\0${name}\0${password}`).toString('base64')}`;
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** A session on a listener with TLS from the first byte; the greeting is still to be read. */
export async function connectTls(
  port: number,
  options: ConnectionOptions = {},
): Promise<{ readonly client: RawSmtp; readonly socket: TLSSocket }> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  const client = new RawSmtp(socket, 10_000);
  await once(socket, 'secureConnect');
  return { client, socket };
}
