/**
 * The mail hosts of a name by the rules of RFC 5321 section 5.1 and RFC 7505, as data: hosts with their addresses, or why
 * there are none. It asks `DnsLookup` and decides; it knows no routes and no caches.
 *
 * MX answer empty: the name's own A/AAAA. Not empty: never the A record; targets that do not exist are left out. Targets
 * that are us are dropped with all of equal or higher preference number, for mail must not travel in a circle. Addresses
 * inside somebody's network are refused unless allowed: a stranger's MX record must not make us connect to our own.
 */
import { addressScope, destinationKey, parseIpAddress } from '@mailwheel/envelope';
import type { MailHost } from '@mailwheel/routing';
import type { DnsLookup, MxRecord } from './types.ts';

/** Targets of one name that are looked up, the lowest preference first; an attempt asks at most 20 hosts. */
export const mxTargetsMax = 50;
/** Addresses of one target that are used, in order of their text. */
export const addressesPerNameMax = 50;

/** Who we are, normalised: `selfOf`. */
export interface Self {
  readonly names: ReadonlySet<string>;
  readonly addresses: ReadonlySet<string>;
}

export interface MailHostRules {
  readonly self: Self;
  readonly allowPrivate: boolean;
  /**
   * An operator's route names it. Then its own address is his business, even if it is ours (a filter on another port) or
   * the name has a null MX; MX targets that are us are dropped all the same.
   */
  readonly routed: boolean;
}

/** Why a name leads nowhere. Each is one rule of the MX section of docs/routes.md. */
export type NoHostsReason =
  | 'no-such-domain' // NXDOMAIN of the name itself
  | 'null-mx' // RFC 7505
  | 'loops-back' // only we are left
  | 'no-hosts' // nothing exists, or every address is refused
  | 'dns-failed'; // somebody did not answer and nothing usable is left

export type MailHostsResult = {
  /** What was left out and why, one sentence each. */
  readonly notes: readonly string[];
  readonly ttlSeconds: number;
} & (
  | { readonly kind: 'hosts'; readonly mailHosts: readonly MailHost[] }
  | { readonly kind: 'none'; readonly reason: NoHostsReason; readonly detail: string }
);

/** A name that is known not to exist is asked again after this long; node:dns does not give the SOA minimum. */
export const negativeTtlSeconds = 30;
/** A question that nobody answered is asked again after this long: short, but no storm while a server is away. */
export const failureTtlSeconds = 5;

interface Target {
  readonly name: string;
  readonly preference: number;
  readonly addresses: readonly string[];
  readonly ttlSeconds: number;
  /** Code of a look-up that nobody answered. */
  readonly failed?: string;
}

/** Normalises the settings; what is no name or address is left out (settings has checked them). */
export function selfOf(names: readonly string[], addresses: readonly string[]): Self {
  const keys = names.flatMap((name) => {
    const result = destinationKey(name);
    return result.ok ? [result.key] : [];
  });
  return {
    names: new Set<string>(keys),
    addresses: new Set(addresses.flatMap((address) => parseIpAddress(address)?.text ?? [])),
  };
}

/** Mail hosts of a domain: its MX targets, or itself. */
export async function mailHostsOf(
  name: string,
  lookup: DnsLookup,
  rules: MailHostRules,
): Promise<MailHostsResult> {
  const answer = await lookup.mx(name);
  switch (answer.kind) {
    case 'no-name':
      return none('no-such-domain', `the domain ${name} does not exist`);
    case 'failed':
      return none('dns-failed', `the MX records of ${name} could not be looked up (${answer.code})`);
    case 'no-data': {
      const own = await lookUpTarget(lookup, { exchange: name, preference: 0 });
      const ownRules = rules.routed ? { ...rules, self: nobody } : rules;
      return judge([own], ownRules, { name, ttlSeconds: negativeTtlSeconds });
    }
    case 'records': {
      const real = answer.records.filter((record) => record.exchange !== '');
      if (real.length === 0) {
        if (rules.routed) return addressHostOf(name, lookup);
        return none('null-mx', `the domain ${name} accepts no mail (null MX)`);
      }
      const targets = await Promise.all(inOrder(real).map((record) => lookUpTarget(lookup, record)));
      return judge(targets, rules, { name, ttlSeconds: answer.ttlSeconds });
    }
  }
}

/** A/AAAA of a name that an operator wrote in brackets: no MX, no rule but that it exists. */
export async function addressHostOf(name: string, lookup: DnsLookup): Promise<MailHostsResult> {
  const target = await lookUpTarget(lookup, { exchange: name, preference: 0 });
  return judge([target], { self: nobody, allowPrivate: true, routed: true }, { name, ttlSeconds: Infinity });
}

const nobody: Self = { names: new Set(), addresses: new Set() };

/** One order for every process: by preference, then by name; a target listed twice counts once, where it comes first. */
function inOrder(records: readonly MxRecord[]): MxRecord[] {
  const sorted = records.toSorted(
    (one, other) => one.preference - other.preference || (one.exchange < other.exchange ? -1 : 1),
  );
  const seen = new Set<string>();
  return sorted
    .filter(({ exchange }) => !seen.has(exchange) && seen.add(exchange) !== undefined)
    .slice(0, mxTargetsMax);
}

async function lookUpTarget(lookup: DnsLookup, record: MxRecord): Promise<Target> {
  const { exchange: name, preference } = record;
  // An MX record that names an address (`10 192.0.2.1`) or nonsense names no host; do not ask for it.
  if (!destinationKey(name).ok || name.startsWith('[')) {
    return { name, preference, addresses: [], ttlSeconds: negativeTtlSeconds };
  }
  const answers = await Promise.all([lookup.addresses(name, 4), lookup.addresses(name, 6)]);
  const found = answers.filter((answer) => answer.kind === 'records');
  const failed = answers.find((answer) => answer.kind === 'failed')?.code;
  const addresses = found
    .flatMap((answer) => answer.records)
    .flatMap((text) => parseIpAddress(text)?.text ?? []);
  return {
    name,
    preference,
    addresses: addresses.toSorted().slice(0, addressesPerNameMax),
    ttlSeconds: Math.min(
      failed === undefined ? Infinity : failureTtlSeconds,
      found.length === 0 ? negativeTtlSeconds : Infinity,
      ...found.map((answer) => answer.ttlSeconds),
    ),
    ...(failed === undefined ? {} : { failed }),
  };
}

function judge(
  targets: readonly Target[],
  rules: MailHostRules,
  asked: { readonly name: string; readonly ttlSeconds: number },
): MailHostsResult {
  const notes: string[] = [];
  const ttlSeconds = Math.min(asked.ttlSeconds, ...targets.map((target) => target.ttlSeconds));
  const before = withoutUs(targets, rules.self, notes);
  if (before.length === 0) {
    const detail = `the mail hosts of ${asked.name} lead back to this system`;
    return { kind: 'none', reason: 'loops-back', detail, notes, ttlSeconds };
  }
  const mailHosts = before.flatMap((target) => usable(target, rules, notes));
  if (mailHosts.length > 0) return { kind: 'hosts', mailHosts, notes, ttlSeconds };
  const failed = before.find((target) => target.failed !== undefined);
  if (failed !== undefined) {
    const detail = `the address of ${failed.name} could not be looked up (${failed.failed})`;
    return { kind: 'none', reason: 'dns-failed', detail, notes, ttlSeconds };
  }
  const refused = before.some((target) => target.addresses.length > 0);
  const detail = refused
    ? `the mail hosts of ${asked.name} have no public address`
    : `no mail host of ${asked.name} exists`;
  return { kind: 'none', reason: 'no-hosts', detail, notes, ttlSeconds };
}

/** Targets nearer to the destination than we are. */
function withoutUs(targets: readonly Target[], self: Self, notes: string[]): readonly Target[] {
  const us = targets.filter(
    (target) =>
      self.names.has(target.name) || target.addresses.some((address) => self.addresses.has(address)),
  );
  const ours = Math.min(...us.map((target) => target.preference));
  const dropped = targets.filter((target) => target.preference >= ours);
  for (const target of dropped) {
    notes.push(
      us.includes(target)
        ? `${target.name} is this system: left out`
        : `${target.name} is not nearer than this system (preference ${target.preference}): left out`,
    );
  }
  return targets.filter((target) => target.preference < ours);
}

function usable(target: Target, rules: MailHostRules, notes: string[]): MailHost[] {
  const { name, preference } = target;
  if (target.addresses.length === 0) {
    notes.push(
      target.failed === undefined
        ? `${name} has no address: left out`
        : `${name} could not be looked up (${target.failed}): left out`,
    );
    return [];
  }
  const addresses = target.addresses.filter((address) => {
    const scope = addressScope(address);
    // Examples' addresses reach nobody, so they do no harm; everything else that is not public might.
    const allowed = rules.allowPrivate || scope === 'public' || scope === 'documentation';
    if (!allowed)
      notes.push(`${name} has the ${scope} address ${address}: refused (dns.allowPrivate is false)`);
    return allowed;
  });
  return addresses.length > 0 ? [{ name, preference, addresses }] : [];
}

function none(reason: NoHostsReason, detail: string): MailHostsResult {
  const ttlSeconds = reason === 'dns-failed' ? failureTtlSeconds : negativeTtlSeconds;
  return { kind: 'none', reason, detail, notes: [], ttlSeconds };
}
