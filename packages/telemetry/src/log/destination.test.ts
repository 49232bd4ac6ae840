/** Standard output of a real process: nothing that was logged before an exit is lost, and a vanished reader kills nobody. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

const programOf = (shared: boolean): string => `
  import { createLogger } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)};
  const log = createLogger({ format: 'json', level: 'info', messages: 'all', role: 'worker', sharedOutput: ${shared} });
  for (let mid = 0; mid < 5000; mid++) log.event({ event: 'queued', mid });
`;
const program = programOf(true);

async function run(script: string, readerLeaves = false): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    if (readerLeaves) child.stdout.destroy();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

describe('standard output', () => {
  it.each([true, false])('has every line when the process exits at once, shared: %s', async (shared) => {
    const { code, output } = await run(`${programOf(shared)} process.exit(3);`);
    expect(code).toBe(3);
    expect(output.trimEnd().split('\n')).toHaveLength(5000);
  });

  it('is written while the process lives', async () => {
    const { output } = await run(
      `${program} setTimeout(() => { process.kill(process.pid, 'SIGKILL'); }, 600);`,
    );
    expect(output.trimEnd().split('\n')).toHaveLength(5000);
  });

  it('does not end the process when its reader leaves', async () => {
    const { code } = await run(
      `${program} const more = setInterval(() => log.event({ event: 'note', text: 'x'.repeat(900) }), 1);
       setTimeout(() => { clearInterval(more); process.exit(0); }, 600);`,
      true,
    );
    expect(code).toBe(0);
  });

  it('drops and counts lines when its reader stands still, instead of growing', async () => {
    const child = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { createLogger } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)};
         let dropped = 0;
         const onDrop = () => { dropped += 1; };
         const log = createLogger({ format: 'json', level: 'info', messages: 'all', role: 'worker', onDrop });
         for (let line = 0; line < 30000; line++) log.event({ event: 'note', text: 'x'.repeat(900) });
         process.stderr.write(String(dropped), () => process.kill(process.pid, 'SIGKILL'));`,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let dropped = '';
    child.stderr.on('data', (chunk: Buffer) => (dropped += chunk.toString()));
    await once(child, 'exit');
    child.stdout.destroy();
    expect(Number(dropped)).toBeGreaterThan(5000);
  });
});
