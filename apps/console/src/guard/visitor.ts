/** Who is in front of the console, and with which right. */
import type { ConsoleRole } from '@mailwheel/settings';

export interface Actor {
  readonly name: string;
  /** A viewer reads; an operator also acts. */
  readonly role: ConsoleRole;
  /** How they said who they are: by password, through the proxy, or not at all where none is configured. */
  readonly via: 'login' | 'proxy' | 'open';
}

export type Visitor =
  | { readonly kind: 'known'; readonly actor: Actor }
  /** No credentials were given: a browser's first request. */
  | { readonly kind: 'unknown' }
  /** `count`: wrong attempts of this address that are remembered. */
  | { readonly kind: 'refused'; readonly count: number }
  /** Too many wrong attempts from this address: what was given now was not looked at. */
  | { readonly kind: 'slowed'; readonly waitMs: number }
  /** More passwords are being checked than we have memory for. */
  | { readonly kind: 'busy' };

/** What a request says about whoever makes it. */
export interface Asker {
  /** Of the other end of the connection; headers do not change it. */
  readonly address: string;
  readonly authorization: string | undefined;
  /** Values of a header, one for each time it was sent; the name in lower case. */
  readonly header: (name: string) => readonly string[];
}
