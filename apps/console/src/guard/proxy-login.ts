/**
 * Who somebody is, in the words of a reverse proxy that logged them in (setting `console.proxy`). Anybody can send such a
 * header: it counts only when the connection itself comes from the proxy.
 */
import { BlockList, isIP, isIPv6 } from 'node:net';
import type { ConsoleProxy } from '@mailwheel/settings';
import type { Actor, Asker } from './visitor.ts';

const nameCharactersMax = 320;

export type ProxyVerdict =
  | { readonly kind: 'known'; readonly actor: Actor }
  /** The connection is not the proxy's, or it named nobody. */
  | { readonly kind: 'silent' }
  /** It named somebody in a way that may be the client's and not its own: twice, or with control characters. */
  | { readonly kind: 'doubtful' };

export class ProxyLogin {
  readonly #trusted: BlockList;
  readonly #userHeader: string;
  readonly #rolesHeader: string | undefined;
  readonly #operators: ReadonlySet<string>;

  constructor(proxy: ConsoleProxy) {
    this.#trusted = blockList(proxy.trustedAddresses);
    this.#userHeader = proxy.userHeader.toLowerCase();
    this.#rolesHeader = proxy.rolesHeader?.toLowerCase();
    this.#operators = new Set(proxy.operators);
  }

  judge({ address, header }: Pick<Asker, 'address' | 'header'>): ProxyVerdict {
    if (!this.#isTrusted(address)) return { kind: 'silent' };
    const names = header(this.#userHeader);
    if (names.length === 0) return { kind: 'silent' };
    const name = decoded(names[0] ?? '').trim();
    // A proxy that adds its header and leaves the client's sends two: no telling which is whose.
    if (names.length > 1 || !/^[^\p{Cc}]+$/u.test(name) || name.length > nameCharactersMax)
      return { kind: 'doubtful' };
    const roles = this.#rolesHeader === undefined ? undefined : header(this.#rolesHeader);
    if (roles !== undefined && roles.length > 1) return { kind: 'doubtful' };
    const held = roles === undefined ? [name] : decoded(roles[0] ?? '').split(',');
    const acts = held.some((of) => this.#operators.has(of.trim()));
    return { kind: 'known', actor: { name, role: acts ? 'operator' : 'viewer', via: 'proxy' } };
  }

  /** An IPv4 address may come in its IPv6 form; BlockList knows. */
  #isTrusted(address: string): boolean {
    const plain = address.replace(/%.*$/, '');
    const family = isIP(plain);
    return family !== 0 && this.#trusted.check(plain, family === 6 ? 'ipv6' : 'ipv4');
  }
}

/** Node reads headers as Latin-1; names come as UTF-8. */
function decoded(value: string): string {
  return Buffer.from(value, 'latin1').toString('utf8');
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}
