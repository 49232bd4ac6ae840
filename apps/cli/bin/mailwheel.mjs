#!/usr/bin/env node
/**
 * The entry: makes sure of a Node that runs TypeScript, then hands over to src/main.ts. Plain JavaScript, because it must
 * run on the Node that a machine happens to have: with an older one it starts the Node that the project installed.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const oldestNode = [24, 12];

const [major, minor] = process.versions.node.split('.').map(Number);
const recent = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);

if (recent) {
  const { main } = await import('../src/main.ts');
  await main(process.argv.slice(2));
} else {
  const node = projectNode();
  if (node === undefined) {
    console.error(
      `Mailwheel needs Node ${oldestNode.join('.')} or newer, this is ${process.versions.node}: install one, or run "npm start" in the project, which brings its own.`,
    );
    process.exitCode = 1;
  } else {
    const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.on('exit', (code, signal) => {
      process.exitCode = code ?? 1;
      if (signal !== null) console.error(`mailwheel was ended by ${signal}`);
    });
  }
}

/** node_modules/.bin/node of the nearest folder above that has one. */
function projectNode() {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(folder, 'node_modules', '.bin', 'node');
    if (existsSync(candidate)) return candidate;
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}
