/**
 * The server behind a key. ioredis sends a keyless command (WAIT, TIME, SCAN) of a Cluster to any primary, and follows a
 * redirection of a MULTI on its own: both are wrong for who must know which server and which connection took a write.
 */
import type { Cluster, Redis } from 'ioredis';
import type { RedisClient } from './connect.ts';
import { slotOf } from './key-slot.ts';

/** A Cluster reads its slot table again at most this often for nodes that were missed, milliseconds. */
const refreshPauseMs = 200;
const refreshedAtMs = new WeakMap<Cluster, number>();

/**
 * The connection on which commands for this key leave: the client itself, or in a Cluster that to the primary of the key's
 * slot (the same object as long as the connection lives).
 * @throws Error when no primary of the slot is connected: nothing was sent. The table is then read again in the background.
 */
export function nodeOfKey(client: RedisClient, key: string): Redis {
  if (!('nodes' in client)) return client;
  const slot = slotOf(key);
  const name = client.slots[slot]?.[0];
  const node = client.nodes('master').find(({ options }) => `${options.host}:${options.port}` === name);
  if (node === undefined || (node.status !== 'ready' && node.status !== 'wait')) {
    refreshSlots(client);
    // The words by which ioredis says that a command was not sent.
    throw new Error(
      `no primary of slot ${slot} is connected, and enableOfflineQueue options is false: nothing was sent`,
    );
  }
  return node;
}

/** Have the slot table read again soon; ioredis does it by itself only when a server redirects it. */
export function refreshSlots(client: Cluster): void {
  const nowMs = performance.now();
  if (nowMs - (refreshedAtMs.get(client) ?? -Infinity) < refreshPauseMs) return;
  refreshedAtMs.set(client, nowMs);
  client.refreshSlotsCache();
}

/** Gives a node of a Cluster the scripts of the whole: a Pipeline takes them from the connection it was made on. */
export function shareScripts(client: RedisClient, node: Redis): void {
  if (node === client) return;
  for (const [name, script] of Object.entries(client.scriptsSet)) {
    if (name in node.scriptsSet) continue;
    const { lua, numberOfKeys } = script as { lua: string; numberOfKeys: number | null };
    node.defineCommand(name, { lua, ...(numberOfKeys === null ? {} : { numberOfKeys }) });
  }
}
