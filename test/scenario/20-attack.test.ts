/**
 * Issue 3, the attack: a fixed handful of seeds, each for a dozen seconds. `npm run attack -- --minutes 60` runs on
 * (docs/attack.md).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../attack/attack.ts', import.meta.url));

test.each([5, 9, 12])(
  'seed %i: nothing lost, nobody reached in vain, every second copy with its cause',
  async (seed) => {
    const how = ['--seed', String(seed), '--minutes', '0.2', '--scale', 'quick', '--pause', '600'];
    const attack = spawn(process.execPath, [program, ...how], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [attack.stdout, attack.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    const [code] = (await once(attack, 'exit')) as [number | null];
    expect(output).toContain('left in Redis');
    expect(code, output).toBe(0);
  },
  240_000,
);
