/** Our Lua on an ioredis client: defined once, run by EVALSHA, healed by ioredis when the server lost it. */
import type { RedisClient } from '../connect.ts';
import { claimScript } from './claim.ts';
import { countsScript } from './counts.ts';
import { discardHalfWrittenScript } from './half-written.ts';
import { indexJobScript } from './index-job.ts';
import { parkedPortionScript, parkScript } from './parked.ts';
import { settleScript } from './settle.ts';
import { touchScript } from './touch.ts';

type Argument = string | number;

/** The client with our commands; keys first, then arguments, as the header of each script lists them. */
export interface DueIndexCommands {
  mwClaim(...input: Argument[]): Promise<[now: number, next: number, ...destinations: string[]]>;
  mwSettle(...input: Argument[]): Promise<[at: number, lost: number, excess: number, repaired: string]>;
  mwTouch(...input: Argument[]): Promise<number>;
  mwPark(...input: Argument[]): Promise<number>;
  mwParkedPortion(...input: Argument[]): Promise<[left: number, ...jobIds: string[]]>;
  mwCounts(...input: Argument[]): Promise<number[]>;
  /** Its number of keys varies, so it comes first. */
  mwDiscardHalfWritten(keyCount: number, ...input: Argument[]): Promise<number>;
}

/** What a MULTI made on such a client can hold of ours. */
export interface TransactionCommands {
  mwIndexJob(...input: Argument[]): unknown;
}

/**
 * BullMQ's scripts that Redis refuses at maxmemory because their first write needs memory, and a command without effect
 * that makes their first write one that does not. Without it a full Redis could not be drained: nothing more would be
 * fetched, and locks would run out under deliveries.
 */
const bullScriptsForFullRedis = {
  moveToActive: "redis.call('SREM', KEYS[5], '')",
  extendLocks: "redis.call('SREM', KEYS[1], '')",
  moveStalledJobsToWait: "redis.call('SREM', KEYS[1], '')",
} as const;

interface RegisteredScript {
  readonly lua: string;
  readonly numberOfKeys: number;
}

/** Defines our commands on the client. Idempotent. */
export function defineScripts(client: RedisClient): RedisClient & DueIndexCommands {
  const defined = client as RedisClient & DueIndexCommands;
  if (typeof defined.mwClaim === 'function') return defined;
  client.defineCommand('mwClaim', { numberOfKeys: 3, lua: claimScript });
  client.defineCommand('mwSettle', { numberOfKeys: 5, lua: settleScript });
  client.defineCommand('mwTouch', { numberOfKeys: 3, lua: touchScript });
  client.defineCommand('mwIndexJob', { numberOfKeys: 3, lua: indexJobScript });
  client.defineCommand('mwPark', { numberOfKeys: 2, lua: parkScript });
  client.defineCommand('mwParkedPortion', { numberOfKeys: 2, lua: parkedPortionScript });
  client.defineCommand('mwCounts', { numberOfKeys: 1, lua: countsScript });
  client.defineCommand('mwDiscardHalfWritten', { lua: discardHalfWrittenScript });
  return defined;
}

/**
 * Puts the harmless write before BullMQ's scripts on this client. Call after BullMQ registered them (backend ready); it
 * takes the registered text, so a BullMQ update is followed by itself.
 */
export function letBullWorkOnFullRedis(client: RedisClient, bullVersion: string): void {
  const registered = client.scriptsSet as Record<string, RegisteredScript | undefined>;
  for (const [name, write] of Object.entries(bullScriptsForFullRedis)) {
    const command = `${name}:${bullVersion}`;
    const script = registered[command];
    if (script === undefined) throw new Error(`BullMQ did not register its script ${command}`);
    if (script.lua.startsWith(write)) continue;
    client.defineCommand(command, {
      numberOfKeys: script.numberOfKeys,
      lua: `${write}\n${script.lua}`,
    });
  }
}
