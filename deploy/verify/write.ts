/** Writes what is generated in deploy/ again: `node deploy/verify/write.ts` after a change of settings, chart, rules or dashboards. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { generatedFiles, plainManifests } from './chart/generated.ts';
import { deployFolder, helms } from './tools.ts';

for (const { path, text } of generatedFiles()) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
const [helm] = await helms();
if (helm === undefined) throw new Error('there is no Helm');
writeFileSync(`${deployFolder}manifests.yaml`, await plainManifests(helm));
