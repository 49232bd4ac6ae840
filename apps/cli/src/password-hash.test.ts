/** The command as people run it: `mailwheel password hash < file`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PasswordCheck, readPasswordHash } from '@mailwheel/login';
import { parseSettings } from '@mailwheel/settings';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../bin/mailwheel.mjs', import.meta.url));

async function hash(input: string): Promise<{ code: number | null; output: string; errors: string }> {
  const child = spawn(process.execPath, [program, 'password', 'hash'], { stdio: 'pipe' });
  const texts = { output: '', errors: '' };
  child.stdout.on('data', (chunk: Buffer) => (texts.output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (texts.errors += chunk.toString()));
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...texts };
}

test('the first line of standard input is hashed, and the settings take what is printed', async () => {
  const { code, output, errors } = await hash('open sesame \nsecond line\n');
  expect([code, errors]).toEqual([0, '']);
  const text = output.trimEnd();
  const read = readPasswordHash(text);
  if (read === undefined) throw new Error(output);
  expect(await new PasswordCheck().check(read, 'open sesame ')).toBe('right');
  const yaml = JSON.stringify({ console: { users: [{ name: 'ada', passwordHash: text }] } });
  expect(parseSettings({ yaml, environment: {} })).toMatchObject({
    ok: true,
    settings: { console: { users: [{ role: 'viewer' }] } },
  });
});

test('a password that is too short is refused, and repeated nowhere', async () => {
  const { code, output, errors } = await hash('geheim');
  expect([code, output]).toEqual([1, '']);
  expect(errors).toContain('A password has 8 to 500 characters, and this one has 6');
  expect(errors).not.toContain('geheim');
});
