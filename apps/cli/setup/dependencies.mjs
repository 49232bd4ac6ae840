/** The npm packages: installed when they are missing or when the lock file has changed since. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { environment, projectNode, root, run } from './programs.mjs';
import { sayWhile } from './say.mjs';

/** Runs `npm ci` if what is installed is not what the lock file says. Ends the process when that fails. */
export async function installDependencies() {
  if (isInstalled()) return;
  const done = sayWhile('Installing the npm packages (once, about a minute)');
  const words = ['ci', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  // Under npm its own path is known; it may not be on the PATH of a shell.
  const npm = environment().npm_execpath;
  const { code } = npm?.endsWith('npm-cli.js')
    ? await run(process.execPath, [npm, ...words])
    : await run('npm', words);
  done();
  if (code !== 0 || !existsSync(projectNode)) {
    console.error(`"npm ci" failed (exit code ${code}): what it said is above; mend that and start again.`);
    process.exit(1);
  }
}

/**
 * npm notes in node_modules/.package-lock.json what it has installed, as its last step: every package of the lock file
 * must be there in its version. Optional ones are for other platforms.
 */
function isInstalled() {
  const wanted = readLock(join(root, 'package-lock.json'));
  const present = readLock(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || present === undefined || !existsSync(projectNode)) return false;
  return Object.entries(wanted).every(([path, { version, link, optional, devOptional, peer }]) => {
    if (!path.startsWith('node_modules/') || optional || devOptional || peer) return true;
    const found = present[path];
    return found !== undefined && (link === true || found.version === version);
  });
}

function readLock(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined; // absent, or half-written by an interrupted install: the same as absent
  }
}
