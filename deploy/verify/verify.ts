/**
 * `npm run verify:deploy`: everything in deploy/ that can be checked without a cluster and without an image registry. Words
 * name the parts to run; none: all of them.
 */
import { existsSync, statSync } from 'node:fs';
import { check, run, say, summary } from './report.ts';
import { verifyFolder } from './tools.ts';

const wanted = new Set(process.argv.slice(2));
const parts: readonly (readonly [name: string, act: () => Promise<void>])[] = [
  ['chart', async () => (await import('./chart/check.ts')).checkChart()],
  [
    'container',
    async () => (await import('./container/check.ts')).checkContainers('/var/tmp/mailwheel-verify'),
  ],
];

await check('tools of deploy/verify are installed', async () => {
  const installed = `${verifyFolder}node_modules/.package-lock.json`;
  const lock = `${verifyFolder}package-lock.json`;
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: verifyFolder });
});
for (const [name, act] of parts) {
  if (wanted.size === 0 || wanted.has(name)) await act();
}
say('');
summary();
