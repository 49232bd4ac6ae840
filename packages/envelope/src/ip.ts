/**
 * IP addresses as text, without `node:net` (ring 1): strict reading, one spelling for each address (RFC 5952), and which
 * part of the net it belongs to. An IPv4-mapped IPv6 address is read as the IPv4 address it stands for, so that one
 * host never counts as two and nobody reaches 127.0.0.1 by another spelling.
 */

export interface IpAddress {
  readonly family: 4 | 6;
  /** Canonical text: dotted quad, or lower-case RFC 5952. */
  readonly text: string;
}

/**
 * Where an address is reachable. `documentation`: reserved for examples (RFC 5737, 3849). `reserved`: never a unicast
 * host, or a form that hides another address from these rules.
 */
export type AddressScope =
  | 'public'
  | 'loopback'
  | 'link-local'
  | 'private'
  | 'multicast'
  | 'unspecified'
  | 'reserved'
  | 'documentation';

const zero = 0x30;
/** `.` counted from `0`. */
const dot = -2;

/** Reads a dotted quad (four decimal numbers, no leading zero) or an IPv6 address (no zone); undefined if it is neither. */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (!text.includes(':')) {
    return ipv4Octets(text) === undefined ? undefined : { family: 4, text };
  }
  const words = ipv6Words(text);
  if (words === undefined) return undefined;
  const mapped = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff;
  if (mapped) return { family: 4, text: ipv4Text(words.slice(6)) };
  return { family: 6, text: ipv6Text(words) };
}

/** Scope of an address that `parseIpAddress` reads; anything else is `reserved`. */
export function addressScope(text: string): AddressScope {
  const address = parseIpAddress(text);
  if (address === undefined) return 'reserved';
  return address.family === 4
    ? ipv4Scope(ipv4Octets(address.text) ?? [])
    : ipv6Scope(ipv6Words(address.text) ?? []);
}

/** Four octets, or undefined. A hand-written scan: a route table of 40,000 lines asks this for every host. */
function ipv4Octets(text: string): number[] | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  const octets: number[] = [];
  let octet = -1;
  for (let at = 0; at <= text.length; at++) {
    const digit = at === text.length ? dot : text.charCodeAt(at) - zero;
    if (digit === dot) {
      if (octet < 0 || octet > 255) return undefined;
      octets.push(octet);
      octet = -1;
    } else if (digit < 0 || digit > 9 || octet === 0) {
      return undefined;
    } else {
      octet = octet < 0 ? digit : octet * 10 + digit;
    }
  }
  return octets.length === 4 ? octets : undefined;
}

/** Eight 16-bit words, or undefined. */
function ipv6Words(text: string): number[] | undefined {
  if (text.length > 45) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = ipv6Half(halves[0] ?? '', halves.length === 1);
  if (halves.length === 1) return head?.length === 8 ? head : undefined;
  const tail = ipv6Half(halves[1] ?? '', true);
  if (head === undefined || tail === undefined || head.length + tail.length > 7) return undefined;
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

/** Words of one side of `::`; a dotted quad may end the address. */
function ipv6Half(text: string, atEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const words: number[] = [];
  const groups = text.split(':');
  for (const [position, group] of groups.entries()) {
    if (atEnd && position === groups.length - 1 && group.includes('.')) {
      const octets = ipv4Octets(group);
      if (octets === undefined) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = octets;
      words.push(a * 256 + b, c * 256 + d);
    } else if (/^[0-9a-f]{1,4}$/i.test(group)) {
      words.push(Number.parseInt(group, 16));
    } else {
      return undefined;
    }
  }
  return words;
}

function ipv4Text(words: readonly number[]): string {
  return words.flatMap((word) => [word >> 8, word & 255]).join('.');
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero words is `::`, the first one if equal. */
function ipv6Text(words: readonly number[]): string {
  let start = -1;
  let length = 1;
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (to < 8 && words[to] === 0) to++;
    if (to - from > length) {
      start = from;
      length = to - from;
    }
  }
  const hex = words.map((word) => word.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** IANA special-purpose registry for IPv4 (RFC 6890 and its updates). */
function ipv4Scope(octets: readonly number[]): AddressScope {
  const [a = 0, b = 0, c = 0] = octets;
  // "This host": Linux connects it to the loopback interface.
  if (a === 0) return 'unspecified';
  if (a === 127) return 'loopback';
  if (a === 169 && b === 254) return 'link-local';
  if (a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168)) return 'private';
  // Carrier-grade NAT, protocol assignments, benchmarking: inside somebody's network, never a public mail host.
  if ((a === 100 && b >= 64 && b <= 127) || (a === 192 && b === 0 && c === 0)) return 'private';
  if (a === 198 && (b === 18 || b === 19)) return 'private';
  if (a >= 224 && a <= 239) return 'multicast';
  if (a >= 240) return 'reserved';
  const documentation =
    (a === 192 && b === 0 && c === 2) ||
    (a === 198 && b === 51 && c === 100) ||
    (a === 203 && b === 0 && c === 113);
  return documentation ? 'documentation' : 'public';
}

/** IANA special-purpose registry for IPv6; forms that carry an IPv4 address are judged by that address. */
function ipv6Scope(words: readonly number[]): AddressScope {
  const [first = 0, second = 0, third = 0] = words;
  const embedded = (from: number): AddressScope =>
    ipv4Scope(
      ipv4Text(words.slice(from, from + 2))
        .split('.')
        .map(Number),
    );
  if (words.slice(0, 7).every((word) => word === 0)) {
    if (words[7] === 0) return 'unspecified';
    if (words[7] === 1) return 'loopback';
  }
  // IPv4-compatible (deprecated), NAT64 (RFC 6052), 6to4.
  if (words.slice(0, 6).every((word) => word === 0)) return 'reserved';
  if (first === 0x64 && second === 0xff9b) return third === 0 ? embedded(6) : 'private';
  if (first === 0x2002) return embedded(1);
  // Teredo hides the IPv4 address of its client.
  if (first === 0x2001 && second === 0) return 'reserved';
  if ((first & 0xffc0) === 0xfe80) return 'link-local';
  if ((first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfec0) return 'private';
  if ((first & 0xff00) === 0xff00) return 'multicast';
  if ((first === 0x2001 && second === 0xdb8) || (first === 0x3fff && second < 0x1000)) return 'documentation';
  // Global unicast is 2000::/3; what lies outside is unassigned or special.
  return (first & 0xe000) === 0x2000 ? 'public' : 'reserved';
}
