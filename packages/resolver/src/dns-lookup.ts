/**
 * DNS questions through node:dns (c-ares), with its error codes told apart: what does not exist, what has no such record,
 * and what nobody could answer. Only the last may be asked again; the first two are final for the mail.
 */
import { Resolver as NodeResolver } from 'node:dns/promises';
import type { DnsAnswer, DnsLookup, DnsOptions, MxRecord } from './types.ts';

/** node:dns gives no TTL of an MX record; this is assumed. */
export const mxTtlSeconds = 60;
/** RFC 1035 section 2.3.4 as text: 255 octets with their length octets. c-ares asks for longer names all the same. */
const nameCharactersMax = 253;
const timeoutMsDefault = 5_000;
const attemptsDefault = 2;

/** A resolver of our own servers, if `servers` names any, else of those of the system. Throws on a malformed server. */
export function openDnsLookup(options: DnsOptions): DnsLookup {
  const timeout = options.timeoutMs ?? timeoutMsDefault;
  // Without `maxTimeout` c-ares doubles the time-out at each further try.
  const resolver = new NodeResolver({
    timeout,
    maxTimeout: timeout,
    tries: options.attempts ?? attemptsDefault,
  });
  if (options.servers !== undefined && options.servers.length > 0) resolver.setServers(options.servers);
  return {
    mx: (name) => ask(name, async () => mxAnswer(await resolver.resolveMx(name))),
    addresses: (name, family) =>
      ask(name, async () => {
        const records =
          family === 4
            ? await resolver.resolve4(name, { ttl: true })
            : await resolver.resolve6(name, { ttl: true });
        const ttlSeconds = Math.min(...records.map(({ ttl }) => ttl));
        return { records: records.map(({ address }) => address), ttlSeconds };
      }),
    close: () => resolver.cancel(),
  };
}

interface Records<T> {
  readonly records: readonly T[];
  readonly ttlSeconds: number;
}

function mxAnswer(records: readonly { priority: number; exchange: string }[]): Records<MxRecord> {
  return {
    records: records.map(({ priority, exchange }) => ({
      preference: priority,
      exchange: exchange.toLowerCase().replace(/\.$/, ''),
    })),
    ttlSeconds: mxTtlSeconds,
  };
}

async function ask<T>(name: string, question: () => Promise<Records<T>>): Promise<DnsAnswer<T>> {
  if (name.length > nameCharactersMax) return { kind: 'no-name' };
  try {
    const found = await question();
    return found.records.length > 0 ? { kind: 'records', ...found } : { kind: 'no-data' };
  } catch (error) {
    return answerForError(error);
  }
}

/** Throws what is no DNS error: that is a bug of ours. */
function answerForError(
  error: unknown,
): { readonly kind: 'no-data' | 'no-name' } | { kind: 'failed'; code: string } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  switch (code) {
    case undefined:
      throw error;
    case 'ENODATA':
      return { kind: 'no-data' };
    // EBADNAME: a label above 63 octets or the like; no such name can be registered.
    case 'ENOTFOUND':
    case 'EBADNAME':
      return { kind: 'no-name' };
    default:
      // ESERVFAIL, ETIMEOUT, EREFUSED, ECONNREFUSED, EFORMERR, ENOTIMP, EBADRESP, ECANCELLED, ...
      if (code.startsWith('ERR_')) throw error;
      return { kind: 'failed', code };
  }
}
