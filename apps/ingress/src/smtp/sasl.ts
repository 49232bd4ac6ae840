/**
 * AUTH as values: what a command asks for, and what a line of credentials says (RFC 4954, PLAIN of RFC 4616, LOGIN as it is
 * in use). Base64 is read strictly: what is not exactly base64 is no password.
 */
import { isUtf8 } from 'node:buffer';

export type Mechanism = 'PLAIN' | 'LOGIN';

export interface Credentials {
  readonly name: string;
  readonly password: string;
}

export type AuthCommand =
  | { readonly kind: 'start'; readonly mechanism: Mechanism; readonly initial?: string }
  | { readonly kind: 'syntax' }
  | { readonly kind: 'unknown-mechanism' };

/** `AUTH PLAIN [initial response]`. */
export function readAuthCommand(line: string): AuthCommand {
  const match = /^AUTH +([A-Z0-9_-]{1,20})(?: +(\S+))? *$/i.exec(line);
  if (match === null) return { kind: 'syntax' };
  const mechanism = match[1]?.toUpperCase();
  if (mechanism !== 'PLAIN' && mechanism !== 'LOGIN') return { kind: 'unknown-mechanism' };
  const initial = match[2];
  // `=` is the empty response (RFC 4954 section 4).
  return initial === undefined
    ? { kind: 'start', mechanism }
    : { kind: 'start', mechanism, initial: initial === '=' ? '' : initial };
}

/** A line of base64 as text; undefined: it is none, or no UTF-8. */
export function readBase64(text: string): string | undefined {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/** The response of PLAIN: authorization identity, NUL, name, NUL, password. To act for another user is not offered. */
export function readPlain(text: string): Credentials | undefined {
  const parts = readBase64(text)?.split('\0');
  const [actFor = '', name = '', password = ''] = parts ?? [];
  if (parts?.length !== 3 || name === '' || password === '') return undefined;
  return actFor === '' || actFor === name ? { name, password } : undefined;
}
