/**
 * One destination host as an operator writes it: `mx.example.net`, `[mx.example.net]`, `10.0.0.1:2525`, `2001:db8::1`,
 * `[2001:db8::1]:25`, each with an optional `/pri=N`. Also the keys of the `nextHops` setting, which are hosts without a
 * priority.
 */
import { destinationKey, parseIpAddress, printable } from '@mailwheel/envelope';
import type { RouteHost } from './types.ts';

export const portDefault = 25;
export const portMax = 65_535;
/** `/pri=0` is asked first and is what an omitted priority means. */
export const priorityMax = 65_535;

export type HostResult =
  | { readonly ok: true; readonly host: RouteHost; readonly portWritten: boolean }
  /** `offset`: where in the text the trouble starts, 0-based. */
  | { readonly ok: false; readonly offset: number; readonly message: string };

type Located = { readonly ok: false; readonly offset: number; readonly message: string };

/** Reads one host. Names become lower-case A-labels, addresses their canonical spelling. */
export function parseHost(text: string): HostResult {
  const space = text.search(/\s/);
  if (space >= 0) return fault(space, `unexpected space in ${quoted(text)}: separate hosts with a comma`);
  const slash = text.indexOf('/');
  const hostAndPort = slash < 0 ? text : text.slice(0, slash);
  const priority = slash < 0 ? 0 : readPriority(text, slash);
  if (typeof priority !== 'number') return priority;
  const parts = splitPort(hostAndPort);
  if ('ok' in parts) return parts;
  const port = parts.port === undefined ? portDefault : readPort(parts.port, hostAndPort.length);
  if (typeof port !== 'number') return port;
  const where = readHost(parts.host);
  if ('ok' in where) return where;
  return { ok: true, host: { ...where, port, priority }, portWritten: parts.port !== undefined };
}

/** The shortest way to write a host that `parseHost` reads back. */
export function formatHost(host: RouteHost): string {
  const port = host.port === portDefault ? '' : `:${host.port}`;
  const priority = host.priority === 0 ? '' : `/pri=${host.priority}`;
  return `${formatName(host, port !== '')}${port}${priority}`;
}

function formatName(host: RouteHost, withPort: boolean): string {
  switch (host.kind) {
    case 'name':
      return host.name;
    case 'bracketed':
      return `[${host.name}]`;
    case 'ipv4':
      return host.address;
    case 'ipv6':
      return withPort ? `[${host.address}]` : host.address;
  }
}

function readPriority(text: string, slash: number): number | Located {
  const written = /^\/pri=([0-9]+)$/.exec(text.slice(slash))?.[1];
  if (written === undefined) return fault(slash, `${quoted(text.slice(slash))} is not /pri=N`);
  const priority = Number(written);
  if (priority <= priorityMax) return priority;
  return fault(slash + '/pri='.length, `priority ${quoted(written)} is not between 0 and ${priorityMax}`);
}

function splitPort(text: string): { readonly host: string; readonly port?: string } | Located {
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    if (close < 0) return fault(0, `${quoted(text)} has no closing bracket`);
    const rest = text.slice(close + 1);
    if (rest === '') return { host: text };
    if (!rest.startsWith(':')) return fault(close + 1, `${quoted(rest)} after the bracket is not :port`);
    return { host: text.slice(0, close + 1), port: rest.slice(1) };
  }
  const colon = text.indexOf(':');
  // Two colons: a bare IPv6 address, which has no place for a port.
  if (colon < 0 || text.includes(':', colon + 1)) return { host: text };
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

function readPort(written: string, end: number): number | Located {
  const port = /^[0-9]{1,5}$/.test(written) ? Number(written) : 0;
  if (port >= 1 && port <= portMax) return port;
  return fault(end - written.length, `port ${quoted(written)} is not between 1 and ${portMax}`);
}

type Where =
  | { readonly kind: 'name' | 'bracketed'; readonly name: string }
  | { readonly kind: 'ipv4' | 'ipv6'; readonly address: string };

function readHost(text: string): Where | Located {
  if (text === '') return fault(0, 'a host is missing');
  const bracketed = text.startsWith('[');
  const inner = bracketed ? text.slice(1, -1) : text;
  const address = parseIpAddress(inner);
  if (address !== undefined) return { kind: address.family === 4 ? 'ipv4' : 'ipv6', address: address.text };
  if (inner.includes(':')) {
    return fault(
      bracketed ? 1 : 0,
      `${quoted(inner)} is not an IPv6 address; with a port write [2001:db8::1]:25`,
    );
  }
  const name = inner.startsWith('[') ? undefined : destinationKey(inner);
  if (name?.ok === true) return { kind: bracketed ? 'bracketed' : 'name', name: name.key };
  return fault(bracketed ? 1 : 0, `${quoted(inner)} is neither a host name nor an IP address`);
}

function fault(offset: number, message: string): Located {
  return { ok: false, offset, message };
}

function quoted(text: string): string {
  return `"${printable(text, 60)}"`;
}
