/**
 * Addresses as settings write them: `host:port` of a listener, networks in CIDR form, IP addresses. Syntax only; nothing
 * is looked up.
 */
import { z } from 'zod';

/** Where a listener binds. `[::1]:25` has the host `::1`. Port 0: the system chooses. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const hostNamePattern =
  /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;
const listenPattern = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/i;

export function isHostName(text: string): boolean {
  return hostNamePattern.test(text);
}

export function isIpAddress(text: string): boolean {
  return z.union([z.ipv4(), z.ipv6()]).safeParse(text).success;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. */
export function isNetwork(text: string): boolean {
  return isIpAddress(text) || z.union([z.cidrv4(), z.cidrv6()]).safeParse(text).success;
}

/** Reads `host:port` or `[IPv6]:port`; undefined if it is neither. */
export function parseListen(text: string): ListenAddress | undefined {
  const match = listenPattern.exec(text);
  if (match === null) return undefined;
  const [, ipv6, name, portText] = match;
  const port = Number(portText);
  if (port > 65_535) return undefined;
  if (ipv6 !== undefined) return z.ipv6().safeParse(ipv6).success ? { host: ipv6, port } : undefined;
  return name !== undefined && isHostName(name) ? { host: name, port } : undefined;
}

/** The inverse of `parseListen`: what a person can paste into a client. */
export function formatListen(address: ListenAddress): string {
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

/** Only this machine can reach the listener. A name other than `localhost` may resolve to anything and does not count. */
export function isLoopback(address: ListenAddress): boolean {
  const host = address.host.toLowerCase();
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** The network is the whole Internet: whoever trusts it runs an open relay. */
export function isEverybody(network: string): boolean {
  return /\/0+$/.test(network);
}
