/** What the console shows of hosts and cursors: reads only, bounded by what is known lately. */
import { hostStates, type HostState } from '@mailwheel/pacing';
import type { Cluster, Redis } from 'ioredis';
import {
  connectionsPrefix,
  hostPrefix,
  knownCursorsKey,
  knownHostsKey,
  limitPrefix,
  turnPrefix,
} from './keys.ts';
import type { RotationRules } from './options.ts';
import type { CursorSnapshot, HostSnapshot } from './types.ts';

/** Hosts and cursors a snapshot shows at most, those used last first. */
export const snapshotRowsMax = 1000;

const stateOfLetter: ReadonlyMap<string, HostState> = new Map(
  Object.entries(hostStates).map(([state, letter]) => [letter, state as HostState]),
);

/** State named by the letter that Redis holds; nothing there: healthy. */
export function hostStateOf(letter: string | undefined): HostState {
  const state = stateOfLetter.get(letter ?? 'H');
  if (state === undefined) throw new Error(`host state ${String(letter)} is none of ours`);
  return state;
}

export async function readHosts(
  client: Redis | Cluster,
  rules: RotationRules,
  nowMs: number,
): Promise<HostSnapshot[]> {
  const keys = await client.zrevrange(knownHostsKey, 0, snapshotRowsMax - 1);
  if (keys.length === 0) return [];
  const pipeline = client.pipeline();
  for (const key of keys) {
    pipeline.hgetall(`${hostPrefix}${key}`);
    pipeline.zcount(`${connectionsPrefix}${key}`, `(${nowMs}`, '+inf');
    pipeline.hget(`${limitPrefix}${key}`, 'lim');
  }
  const replies = await results(pipeline);
  return keys.map((key, at) => {
    const fields = replies[at * 3] as Record<string, string>;
    const limit = Number(replies[at * 3 + 2] ?? rules.initialConnections);
    return {
      ...hostSnapshot(key, fields),
      connections: Number(replies[at * 3 + 1]),
      connectionsMax: Math.min(limit, rules.connectionsPerHostMax),
    };
  });
}

export async function readCursors(client: Redis | Cluster): Promise<CursorSnapshot[]> {
  const tierKeys = await client.zrevrange(knownCursorsKey, 0, snapshotRowsMax - 1);
  if (tierKeys.length === 0) return [];
  const pipeline = client.pipeline();
  for (const tierKey of tierKeys) pipeline.hgetall(`${turnPrefix}${tierKey}`);
  const replies = await results(pipeline);
  return tierKeys.map((tierKey, at) => {
    const turns = new Map(
      Object.entries(replies[at] as Record<string, string>).map(([host, n]) => [host, Number(n)]),
    );
    turns.delete('_f');
    return { tierKey, turns };
  });
}

function hostSnapshot(
  key: string,
  fields: Readonly<Record<string, string>>,
): Omit<HostSnapshot, 'connections' | 'connectionsMax'> {
  const until = fields['until'] ?? fields['till'];
  return {
    key,
    label: key.split('|', 1)[0] ?? key,
    state: hostStateOf(fields['st']),
    epoch: Number(fields['ep'] ?? 0),
    ...(until === undefined ? {} : { untilMs: Number(until) }),
    ...(fields['since'] === undefined ? {} : { sinceMs: Number(fields['since']) }),
    ...(fields['rest'] === undefined ? {} : { restMs: Number(fields['rest']) }),
    ...(fields['say'] === undefined ? {} : { lastReply: fields['say'] }),
  };
}

async function results(pipeline: ReturnType<Redis['pipeline']>): Promise<unknown[]> {
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
}
