/**
 * Address families this machine can connect to, judged by its interfaces: a family counts when an interface other than
 * loopback has an address of it that reaches further than the link. Asking the routing table would be surer, but Node
 * cannot, and a probe packet would need somebody to answer it.
 */
import { networkInterfaces } from 'node:os';
import { addressScope } from '@mailwheel/envelope';
import type { ReachableFamilies } from '@mailwheel/routing';

/** Interfaces are looked at again after this long. */
const lookAgainMs = 10_000;

type Interfaces = Readonly<
  Record<
    string,
    readonly { readonly family: string; readonly address: string; readonly internal: boolean }[] | undefined
  >
>;

/** Families of the given interfaces. A machine that has neither is offline: both stay, and connecting tells. */
export function familiesOf(interfaces: Interfaces): ReachableFamilies {
  const addresses = Object.values(interfaces).flatMap((ofOne) => ofOne ?? []);
  const has = (family: string): boolean =>
    addresses.some(
      (entry) => entry.family === family && !entry.internal && addressScope(entry.address) !== 'link-local',
    );
  const found = { ipv4: has('IPv4'), ipv6: has('IPv6') };
  return found.ipv4 || found.ipv6 ? found : { ipv4: true, ipv6: true };
}

/** A probe that looks at most every 10 seconds. */
export function watchFamilies(now: () => number): () => ReachableFamilies {
  let families: ReachableFamilies | undefined;
  let lookedAtMs = 0;
  return () => {
    if (families === undefined || now() - lookedAtMs >= lookAgainMs) {
      families = familiesOf(networkInterfaces());
      lookedAtMs = now();
    }
    return families;
  };
}
