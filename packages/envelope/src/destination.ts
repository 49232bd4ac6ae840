/**
 * The destination key: one name for each place mail goes to. It names the BullMQ queue, the due-index entry and the
 * route lookup, so two spellings of one domain must never give two keys, and no spelling may turn into an IP address.
 */
import { parseIpAddress } from './ip.ts';
import type { DestinationKey } from './types.ts';

/** RFC 5321 section 4.5.3.1.2. */
export const domainBytesMax = 255;
/** RFC 1035 section 2.3.4. */
export const labelBytesMax = 63;

/** Why an address cannot be used: the reply that says so. */
export interface Refusal {
  readonly ok: false;
  readonly code: 501 | 553;
  /** RFC 3463 status: `5.1.3`. */
  readonly enhancedCode: string;
  /** One sentence, ASCII, nothing of the input in it. */
  readonly text: string;
}

export type DestinationResult = { readonly ok: true; readonly key: DestinationKey } | Refusal;

/** ASCII of a host name; the underscore is no RFC 5321 character, but it occurs and DNS carries it. */
const hostName = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;
/** A host whose last label is a number is an IPv4 address to the URL standard; DNS has no such top-level domain. */
const numericEnd = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/;
/** Invisible characters that IDNA drops; the joiners it judges by their context. */
const dropped = /(?![\u200c\u200d])\p{Default_Ignorable_Code_Point}/u;
const onlyAscii = /^[\x20-\x7e]*$/;

/**
 * Key of a domain or address literal as it stands after the `@`: lower-case A-label without trailing dot (U-labels become
 * A-labels by UTS 46), `[1.2.3.4]`, or `[ipv6_2001_db8__1]`. At most 255 bytes, `[a-z0-9._\[\]-]`.
 */
export function destinationKey(domain: string): DestinationResult {
  if (domain.startsWith('[')) return literalKey(domain);
  if (domain === '') return refuse(501, 'the domain is missing');
  const bare = domain.endsWith('.') ? domain.slice(0, -1) : domain;
  if (bare.length > domainBytesMax) return refuse(501, `the domain is longer than ${domainBytesMax} bytes`);
  const name = onlyAscii.test(bare) ? bare.toLowerCase() : toAsciiLabels(bare);
  if (name === undefined) return refuse(553, 'the domain is not a valid internationalised name');
  if (name.length > domainBytesMax) return refuse(501, `the domain is longer than ${domainBytesMax} bytes`);
  if (!hostName.test(name)) return refuse(501, 'the domain is not a valid host name');
  if (numericEnd.test(name)) {
    return refuse(553, 'the domain ends in a number; write an address literal as [192.0.2.1]');
  }
  if (name.length > labelBytesMax && name.split('.').some((label) => label.length > labelBytesMax)) {
    return refuse(501, `a label of the domain is longer than ${labelBytesMax} bytes`);
  }
  return { ok: true, key: name as DestinationKey };
}

/** IP address of a destination that is an address literal; undefined for a domain. */
export function destinationAddress(key: DestinationKey): string | undefined {
  if (!key.startsWith('[')) return undefined;
  const inner = key.slice(1, -1);
  return inner.startsWith('ipv6_') ? inner.slice('ipv6_'.length).replaceAll('_', ':') : inner;
}

function literalKey(domain: string): DestinationResult {
  if (!domain.endsWith(']')) return refuse(501, 'the address literal is not closed');
  const inner = domain.slice(1, -1);
  const tagged = /^ipv6:/i.test(inner);
  const written = tagged ? inner.slice('ipv6:'.length) : inner;
  const address = parseIpAddress(written);
  if (address === undefined || tagged !== written.includes(':')) {
    return refuse(501, 'the address literal is neither [192.0.2.1] nor [IPv6:2001:db8::1]');
  }
  const text = address.family === 4 ? address.text : `ipv6_${address.text.replaceAll(':', '_')}`;
  return { ok: true, key: `[${text}]` as DestinationKey };
}

/**
 * U-labels to A-labels through the URL parser, the only UTS 46 implementation that every JavaScript runtime has. Its
 * other talents (percent decoding, user and port, numbers to IPv4) are kept away: ASCII other than letters, digits, dot,
 * hyphen and underscore is refused before, and what comes out passes the same checks as an ASCII domain.
 */
function toAsciiLabels(domain: string): string | undefined {
  if (!domain.isWellFormed() || /[\0-,/:-@[-^`{-\x7f]/.test(domain) || dropped.test(domain)) return undefined;
  const url = URL.parse(`http://${domain}/`);
  return url === null || url.host === '' ? undefined : url.host;
}

function refuse(code: 501 | 553, text: string): Refusal {
  return { ok: false, code, enhancedCode: '5.1.3', text };
}
