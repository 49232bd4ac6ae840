/** What each script costs Redis, from its slow log with a threshold of nothing. Microseconds of the server's own clock. */
import type { RedisClient } from './redis-server.ts';

export interface ScriptCost {
  /** Hash of the script and the kind of its first key; plain commands by name. */
  readonly name: string;
  readonly calls: number;
  readonly microseconds: number;
}

const entriesMax = 100_000;

/** Writes everything down until the returned function is called. A few hundred messages are enough. */
export async function slowLog(client: RedisClient): Promise<() => Promise<ScriptCost[]>> {
  await client.config('SET', 'slowlog-max-len', entriesMax);
  await client.slowlog('RESET');
  await client.config('SET', 'slowlog-log-slower-than', 0);
  return async () => {
    await client.config('SET', 'slowlog-log-slower-than', -1);
    const entries = (await client.slowlog('GET', entriesMax)) as [number, number, number, string[]][];
    const costs = new Map<string, { calls: number; microseconds: number }>();
    for (const [, , microseconds, words] of entries) {
      const name = nameOf(words);
      const cost = costs.get(name) ?? { calls: 0, microseconds: 0 };
      costs.set(name, { calls: cost.calls + 1, microseconds: cost.microseconds + microseconds });
    }
    return [...costs]
      .map(([name, cost]) => ({ name, ...cost }))
      .toSorted((a, b) => b.microseconds - a.microseconds);
  };
}

function nameOf(words: readonly string[]): string {
  const [command = '', script = '', , firstKey = ''] = words;
  if (!/^evalsha$/i.test(command)) return command.toLowerCase();
  return `${script.slice(0, 8)} ${firstKey.replace(/(!\w+:).+/, '$1').replace(/(\{mw\d+\}):[^!:][^:]*:/, '$1:*:')}`;
}
