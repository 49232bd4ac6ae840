/**
 * Reading a mailbox of the envelope (RFC 5321 section 4.1.2, RFC 6531 section 3.3). The local part is opaque: `a%b@c` and
 * `a!b@c` are mailboxes of `c` and nothing else, so nobody is relayed by what he writes there. A source route is read and
 * dropped, as RFC 5321 appendix C allows: mail goes to the domain of the mailbox, never along the route.
 */
import { destinationKey, domainBytesMax } from './destination.ts';
import type { Refusal } from './destination.ts';
import type { DestinationKey } from './types.ts';

/** RFC 5321 section 4.5.3.1.1, as written (quotes included). */
export const localPartBytesMax = 64;
/** RFC 5321 section 4.5.3.1.3: 256 with the angle brackets; a source route counts. */
export const pathBytesMax = 254;

export interface ParsedAddress {
  readonly ok: true;
  /** As written, quotes included. */
  readonly local: string;
  /** As written. */
  readonly domain: string;
  /** `local@domain` as it goes on the wire. */
  readonly address: string;
  readonly destination: DestinationKey;
}

export interface AddressOptions {
  /** The transaction uses SMTPUTF8; without it every non-ASCII character is refused 553 5.6.7. */
  readonly smtpUtf8: boolean;
}

const controls = /[\p{Cc}\p{Zl}\p{Zp}]/u;
const nonAscii = /[^\0-\x7f]/;
const dotAtom =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~\u{80}-\u{10ffff}-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~\u{80}-\u{10ffff}-]+)*$/iu;
const quotedString = /^"(?:[ !#-[\]-~\u{80}-\u{10ffff}]|\\[ -~])*"$/u;
const routeHop = /^@(\[[^\]]*\]|[^,:[\]@]+)([,:])/;

/**
 * Reads one forward-path or reverse-path without its angle brackets. The null path and `postmaster` without a domain are
 * the caller's (they are legal only in their own commands) and refused here.
 */
export function parseAddress(text: string, options: AddressOptions): ParsedAddress | Refusal {
  if (text === '') return refuse(501, '5.1.3', 'the address is empty');
  if (utf8Bytes(text) > pathBytesMax) {
    return refuse(501, '5.1.3', `the address is longer than ${pathBytesMax} bytes`);
  }
  // U+FFFD stands where a decoder met bytes that are not UTF-8: the mailbox that was meant is lost.
  if (!text.isWellFormed() || text.includes('\ufffd')) {
    return refuse(501, '5.1.3', 'the address is not valid UTF-8');
  }
  if (controls.test(text)) return refuse(501, '5.1.3', 'the address contains a control character');
  if (!options.smtpUtf8 && nonAscii.test(text)) {
    return refuse(553, '5.6.7', 'the address needs SMTPUTF8, which the client did not ask for');
  }
  const mailbox = withoutSourceRoute(text);
  if (mailbox === undefined) return refuse(501, '5.1.3', 'the source route of the address is malformed');
  return parseMailbox(mailbox);
}

function parseMailbox(mailbox: string): ParsedAddress | Refusal {
  const at = domainStart(mailbox);
  if (at < 0) {
    return mailbox.toLowerCase() === 'postmaster'
      ? refuse(501, '5.1.3', 'postmaster without a domain is accepted only as a recipient')
      : refuse(501, '5.1.3', 'the address has no domain');
  }
  const local = mailbox.slice(0, at);
  const domain = mailbox.slice(at + 1);
  if (local === '') return refuse(501, '5.1.3', 'the address has no local part');
  if (utf8Bytes(local) > localPartBytesMax) {
    return refuse(501, '5.1.3', `the local part is longer than ${localPartBytesMax} bytes`);
  }
  if (!dotAtom.test(local) && !quotedString.test(local)) {
    return refuse(501, '5.1.3', 'the local part is neither a dot-atom nor a quoted string');
  }
  if (utf8Bytes(domain) > domainBytesMax) {
    return refuse(501, '5.1.3', `the domain is longer than ${domainBytesMax} bytes`);
  }
  // The key does without a trailing dot, but the address is relayed as written and RFC 5321 has no place for one.
  if (domain.endsWith('.')) return refuse(501, '5.1.3', 'the domain ends in a dot');
  const destination = destinationKey(domain);
  if (!destination.ok) return destination;
  return { ok: true, local, domain, address: `${local}@${domain}`, destination: destination.key };
}

/** Place of the `@` before the domain: after the closing quote of a quoted local part, else the only one there may be. */
function domainStart(mailbox: string): number {
  if (!mailbox.startsWith('"')) return mailbox.indexOf('@');
  const quoted = /^"(?:[^"\\]|\\.)*"/su.exec(mailbox)?.[0].length ?? 0;
  return mailbox[quoted] === '@' ? quoted : mailbox.lastIndexOf('@');
}

/** `@a,@b:user@c` to `user@c`; undefined if it starts like a route and is none (RFC 5321 section 4.1.2, A-d-l). */
function withoutSourceRoute(text: string): string | undefined {
  if (!text.startsWith('@')) return text;
  let rest = text;
  for (;;) {
    const hop = routeHop.exec(rest);
    if (hop === null || !destinationKey(hop[1] ?? '').ok) return undefined;
    rest = rest.slice(hop[0].length);
    if (hop[2] === ':') return rest;
  }
}

const encoder = new TextEncoder();

function utf8Bytes(text: string): number {
  return text.length > 2 * pathBytesMax ? text.length : encoder.encode(text).length;
}

function refuse(code: 501 | 553, enhancedCode: string, text: string): Refusal {
  return { ok: false, code, enhancedCode, text };
}
