/**
 * How to speak to a next hop: the `nextHops` setting, looked up by the host as the route writes it, with its port first,
 * then without. Only hosts that a route names get such a policy: an MX record of somebody else's domain must not make us
 * send our password to the host it points to.
 */
import { fnv1a32 } from '@mailwheel/envelope';
import { parseHost } from './host.ts';
import type { NextHopPolicy, RouteHost } from './types.ts';

/** Port that expects TLS from the first byte (RFC 8314 section 3.3). */
export const implicitTlsPort = 465;

/** One entry of the setting; what it leaves out (or gives as undefined) comes from the defaults. */
export type NextHopSetting = {
  readonly [Field in keyof NextHopPolicy]?: NextHopPolicy[Field] | undefined;
};

/** Normalised host, with or without port -> what its entry sets. Made by `readNextHops`. */
export type NextHops = ReadonlyMap<string, Partial<NextHopPolicy>>;

export type NextHopsResult =
  | { readonly ok: true; readonly nextHops: NextHops }
  | { readonly ok: false; readonly errors: readonly { readonly key: string; readonly message: string }[] };

/** No entries: every host speaks by the defaults. */
export const noNextHops: NextHops = new Map();

/** Reads the keys of the setting: `smtp.example.net`, `smtp.example.net:587`, `10.0.0.1`, `[2001:db8::1]:25`. */
export function readNextHops(setting: Readonly<Record<string, NextHopSetting>>): NextHopsResult {
  const nextHops = new Map<string, Partial<NextHopPolicy>>();
  const errors: { readonly key: string; readonly message: string }[] = [];
  for (const [key, entry] of Object.entries(setting)) {
    const parsed = key.includes('/')
      ? ({ ok: false, message: 'a next hop has no priority' } as const)
      : parseHost(key.trim());
    if (!parsed.ok) {
      errors.push({ key, message: parsed.message });
      continue;
    }
    const normalised = parsed.portWritten
      ? `${nameOf(parsed.host)}#${parsed.host.port}`
      : nameOf(parsed.host);
    if (nextHops.has(normalised)) errors.push({ key, message: 'the same host is named twice' });
    // A value that is present but undefined would hide the default under it.
    const given = Object.entries(entry).filter(([, value]) => value !== undefined);
    nextHops.set(normalised, Object.fromEntries(given));
  }
  return errors.length > 0 ? { ok: false, errors } : { ok: true, nextHops };
}

/** Policy for a host as its route writes it. Port 465 is TLS from the first byte unless the entry says otherwise. */
export function policyFor(nextHops: NextHops, defaults: NextHopPolicy, host: RouteHost): NextHopPolicy {
  const name = nameOf(host);
  const entry = nextHops.get(`${name}#${host.port}`) ?? nextHops.get(name);
  const byPort = host.port === implicitTlsPort ? ({ ...defaults, tls: 'implicit' } as const) : defaults;
  return entry === undefined ? byPort : { ...byPort, ...entry };
}

/** Does the policy check the certificate, so that the name it is checked against is part of what a host is? */
function verifiesName(policy: NextHopPolicy): boolean {
  return policy.tls === 'verify' || policy.tls === 'implicit';
}

/**
 * Eight hex digits over what makes two connections to one address differ: TLS, AUTH, HELO name, source address, and the
 * certificate's name where it is checked. `connectionsMax` is left out: raising a limit must not make another host.
 */
export function policyDigest(policy: NextHopPolicy, name: string | undefined): string {
  const parts = [
    policy.tls,
    policy.auth?.user ?? '',
    policy.auth?.passwordFile ?? '',
    policy.heloName ?? '',
    policy.sourceAddress ?? '',
    verifiesName(policy) ? (policy.tlsServerName ?? name ?? '') : '',
  ];
  return fnv1a32(encodeURIComponent(JSON.stringify(parts)))
    .toString(16)
    .padStart(8, '0');
}

function nameOf(host: RouteHost): string {
  return 'name' in host ? host.name : host.address;
}
