/** How many machines a network names. */
import { BlockList, isIPv6 } from 'node:net';

/** Address space that is not reached from the Internet (RFC 6890), as far as people use it for networks of their own. */
const privateNetworks: readonly (readonly [address: string, prefix: number])[] = [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
];

/** Length of the prefix; of a single address that of all its bits. */
export function prefixOf(network: string): number {
  const [address = '', prefix] = network.split('/');
  return prefix === undefined ? bitsOf(address) : Number(prefix);
}

/** Bits that may differ between the machines of a network: 0 for one address, 8 for 10.0.0.0/24. */
export function freeBits(network: string): number {
  const [address = ''] = network.split('/');
  return bitsOf(address) - prefixOf(network);
}

/** All of the network is private address space. */
export function isPrivate(network: string): boolean {
  const [address = ''] = network.split('/');
  return privateNetworks.some(([of, prefix]) => {
    if (isIPv6(of) !== isIPv6(address) || prefixOf(network) < prefix) return false;
    const list = new BlockList();
    const family = isIPv6(of) ? 'ipv6' : 'ipv4';
    list.addSubnet(of, prefix, family);
    return list.check(address, family);
  });
}

/** Only this machine. */
export function isLoopbackNetwork(network: string): boolean {
  return network.startsWith('127.') ? prefixOf(network) >= 8 : /^::1(\/128)?$/.test(network);
}

function bitsOf(address: string): number {
  return isIPv6(address) ? 128 : 32;
}
