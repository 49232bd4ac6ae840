/**
 * Reduces the package.json files to what an image runs: no development dependencies, no tests. npm then trims the lock
 * file itself, keeping versions and checksums. `npm ci --omit=dev` alone is not enough: a tool of ours that is also an
 * optional peer of a library (TypeScript), or a dependency of the tests, would still be installed.
 */
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

for (const folder of ['test', 'packages/testkit']) rmSync(folder, { recursive: true, force: true });
for (const path of ['package.json', ...globSync('{apps,packages}/*/package.json')]) {
  const { devDependencies: _unused, ...manifest } = JSON.parse(readFileSync(path, 'utf8'));
  if (manifest.workspaces !== undefined)
    manifest.workspaces = manifest.workspaces.filter((one) => one !== 'test');
  writeFileSync(path, JSON.stringify(manifest, undefined, 2));
}
