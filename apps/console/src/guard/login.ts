/** Who may see the console: HTTP basic authentication against one user, compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readSecretFile } from '@mailwheel/lifecycle';
import type { ConsoleSettings } from '@mailwheel/settings';

export interface Login {
  readonly user: string;
  /** SHA-256 of the password. */
  readonly passwordDigest: Buffer;
}

export type Visitor =
  | { readonly kind: 'known'; readonly name: string }
  /** No credentials were given: a browser's first request. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused' };

/** The login as configured; undefined: everybody who reaches the listener may come in. Rejects when the file is unreadable. */
export async function readLogin({ login }: Pick<ConsoleSettings, 'login'>): Promise<Login | undefined> {
  if (login === undefined) return undefined;
  const { user, passwordFile, passwordSha256 } = login;
  if (passwordFile !== undefined) {
    return { user, passwordDigest: digest(await readSecretFile('console.login.passwordFile', passwordFile)) };
  }
  return { user, passwordDigest: Buffer.from(passwordSha256 ?? '', 'hex') };
}

/** Name of a visitor where nobody must log in: for the audit. */
export const withoutLogin = 'console';

/** Judges the header `Authorization`. Neither user nor password can be guessed by how long it takes. */
export function visitorOf(login: Login | undefined, authorization: string | undefined): Visitor {
  if (login === undefined) return { kind: 'known', name: withoutLogin };
  if (authorization === undefined) return { kind: 'unknown' };
  const encoded = /^basic +([A-Za-z0-9+/=]{1,1024})$/i.exec(authorization)?.[1];
  if (encoded === undefined) return { kind: 'refused' };
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  const [user, password] = colon < 0 ? [pair, ''] : [pair.slice(0, colon), pair.slice(colon + 1)];
  const userFits = timingSafeEqual(digest(user), digest(login.user));
  const passwordFits = timingSafeEqual(digest(password), login.passwordDigest);
  return userFits && passwordFits ? { kind: 'known', name: login.user } : { kind: 'refused' };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
