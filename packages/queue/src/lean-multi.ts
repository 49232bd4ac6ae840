/**
 * A MULTI without the scripts it cannot hold. ioredis copies every script registered on the client into each one, BullMQ's
 * seventy among them: 44 microseconds, against 5 with the few that add jobs. Everything else is ioredis' own MULTI.
 */
import type { ChainableCommander, Redis } from 'ioredis';

/** BullMQ's `addStandardJob` and its like, and ours. */
const heldScripts = /^(?:add[A-Z]|mwIndexJob$)/;

/** The client as its MULTI is made from it: with fewer scripts. Never sends anything. */
const makers = new WeakMap<Redis, Redis>();

/** The scripts that add jobs must be registered before the first call. The MULTI is sent on `client`. */
export function leanMulti(client: Redis): ChainableCommander {
  let maker = makers.get(client);
  if (maker === undefined) {
    const held = Object.entries(client.scriptsSet).filter(([name]) => heldScripts.test(name));
    maker = Object.create(client, { scriptsSet: { value: Object.fromEntries(held) } }) as Redis;
    makers.set(client, maker);
  }
  return Object.assign(maker.multi(), { redis: client });
}
