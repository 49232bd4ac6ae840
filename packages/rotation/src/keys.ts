/**
 * Names of everything rotation keeps in Redis. One hash tag for the whole tier of workers, so that one script sees all hosts
 * of a route; it costs one slot some 14 microseconds a pick. Every key expires by itself.
 */
export const tag: string = '{mw:h}';

/** HASH of a host's health. Fields: see `scripts/report.ts`. */
export const hostPrefix: string = `host:${tag}:`;
/** HASH of a tier's cursor: host -> turns, `_f` -> floor. */
export const turnPrefix: string = `turn:${tag}:`;
/** ZSET of connection leases at a host: connection id -> moment of expiry. */
export const connectionsPrefix: string = `conn:${tag}:`;
/** HASH of a proven host's connection limit: `lim`, and `won` successes towards its next doubling. */
export const limitPrefix: string = `limit:${tag}:`;
/** ZSET of destinations that wait for a host: destination -> since. */
export const waitPrefix: string = `wait:${tag}:`;
/** STRING: the hosts that a destination waits for, separated by spaces. */
export const waitsPrefix: string = `waits:${tag}:`;

/** SET of hosts that came back while destinations waited for them. */
export const readyKey: string = `ready:${tag}`;
/** ZSET of hosts seen lately: host -> when. */
export const knownHostsKey: string = `hosts:${tag}`;
/** ZSET of cursors moved lately: tier -> when. */
export const knownCursorsKey: string = `cursors:${tag}`;
/** Never exists. Deleting it is the harmless first write that lets a script finish on a full Redis. */
export const voidKey: string = `void:${tag}`;
