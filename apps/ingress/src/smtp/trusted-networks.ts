/** Who may relay: the networks of `ingress.smtp.trustedNetworks`, matched as the kernel reports a peer. */
import { BlockList, isIP } from 'node:net';

/** Answers whether an address (IPv4, IPv6, or IPv4-mapped IPv6) lies in one of the networks. */
export type TrustedNetworks = (address: string) => boolean;

/**
 * Builds the matcher from `address` or `address/bits`. An entry that is neither throws a RangeError that names it: a
 * typing error must neither open the relay nor close it silently.
 */
export function trustedNetworks(networks: readonly string[]): TrustedNetworks {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits, ...more] = network.split('/');
    const family = isIP(address);
    const bitsMax = family === 4 ? 32 : 128;
    const prefix = bits === undefined ? bitsMax : Number(bits);
    const isPrefix = bits === undefined || (/^[0-9]{1,3}$/.test(bits) && prefix <= bitsMax);
    if (family === 0 || more.length > 0 || !isPrefix) {
      throw new RangeError(`ingress.smtp.trustedNetworks: "${network}" is not a network; write 192.0.2.0/24`);
    }
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }
  return (address) => {
    const plain = withoutMapping(address);
    const family = isIP(plain);
    return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
  };
}

/** `::ffff:192.0.2.1`, as a dual-stack listener reports an IPv4 client, to `192.0.2.1`. A zone (`%eth0`) is dropped. */
export function withoutMapping(address: string): string {
  const bare = address.split('%')[0] ?? '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  return mapped ?? bare;
}
