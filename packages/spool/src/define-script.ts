/**
 * Own Lua on an ioredis client. ioredis sends EVAL once a socket, then EVALSHA, and heals a NOSCRIPT by itself; the
 * command is on the wire before the call returns, so that what is called next follows it.
 */
import type { Cluster, Redis } from 'ioredis';

export type RedisClient = Redis | Cluster;

export interface ScriptDefinition {
  /** Name of the command on the client, unique in the process: `mwSpoolRecord`. */
  readonly name: string;
  readonly keys: number;
  readonly lua: string;
}

export type ScriptCall = (...keysThenArguments: readonly (string | number | Buffer)[]) => Promise<unknown>;

/** `buffers`: replies are Buffers instead of strings. */
export function defineScript(
  client: RedisClient,
  script: ScriptDefinition,
  replies: 'strings' | 'buffers' = 'strings',
): ScriptCall {
  client.defineCommand(script.name, { numberOfKeys: script.keys, lua: script.lua });
  const commands = client as unknown as Record<string, ScriptCall>;
  const name = replies === 'buffers' ? `${script.name}Buffer` : script.name;
  return async (...parameters) => {
    const command = commands[name];
    if (command === undefined) throw new Error(`the Redis client lost its command ${name}`);
    return command.apply(client, [...parameters]);
  };
}
