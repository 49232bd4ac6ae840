/** What Redis holds after everything is delivered and every retention is over. Asked with Redis's own client. */
import { execFileSync } from 'node:child_process';

/** Keys of the tier as a whole: number blocks, leases, the number of shards; hosts and cursors, which expire by themselves. */
const ofTheTier = /\{mw:[a-z]+\}/;

export function orphansIn(port: number): string[] {
  const ask = (...words: string[]): string =>
    execFileSync('redis-cli', ['-p', String(port), ...words], { encoding: 'utf8', maxBuffer: 1e9 }).trimEnd();
  const orphans: string[] = [];
  for (const key of ask('--scan').split('\n')) {
    if (key === '' || ofTheTier.test(key)) continue;
    if (key.endsWith(':!backlog')) {
      const backlog = ask('get', key);
      if (backlog !== '0') orphans.push(`${key} is ${backlog}`);
    } else orphans.push(`${key} (expires in ${ask('pttl', key)} ms)`);
  }
  return orphans;
}
