/**
 * Two validators for rendered documents, because each misses what the other finds: the schemas of kubernetes-models check
 * values (types, patterns, what is required) and let unknown fields pass; TypeScript's check of surplus properties finds
 * misspelt fields and lets any text pass where a pattern is asked for.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { run } from '../report.ts';
import { verifyFolder } from '../tools.ts';
import type { Manifest } from './render.ts';

function packageOf(apiVersion: string): string {
  if (apiVersion.startsWith('keda.sh/')) return '@kubernetes-models/keda';
  return apiVersion.startsWith('monitoring.coreos.com/')
    ? '@kubernetes-models/prometheus-operator'
    : 'kubernetes-models';
}

interface Model {
  new (manifest: Manifest): { validate(): void };
}

/** What the schemas say against the documents. */
export async function schemaFaults(manifests: readonly Manifest[]): Promise<string[]> {
  const faults: string[] = [];
  for (const manifest of manifests) {
    const { apiVersion, kind, metadata } = manifest;
    const models = (await import(`${packageOf(apiVersion)}/${apiVersion}`)) as Record<
      string,
      Model | undefined
    >;
    const model = models[kind];
    if (model === undefined) faults.push(`no schema for ${apiVersion} ${kind}`);
    else {
      try {
        new model(manifest).validate();
      } catch (error) {
        faults.push(`${kind} ${metadata.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  return faults;
}

/** What the compiler says against the documents of all cases, in one run. */
export async function typeFaults(cases: Readonly<Record<string, readonly Manifest[]>>): Promise<string> {
  const folder = `${verifyFolder}.bin/types`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const imports: string[] = [];
  const literals: string[] = [];
  for (const [name, manifests] of Object.entries(cases)) {
    for (const manifest of manifests) {
      const type = `T${imports.length}`;
      const { apiVersion, kind } = manifest;
      imports.push(`import type { I${kind} as ${type} } from '${packageOf(apiVersion)}/${apiVersion}';`);
      literals.push(
        `// ${name}: ${kind} ${manifest.metadata.name}\n(${JSON.stringify(manifest, undefined, 1)}) satisfies ${type};`,
      );
    }
  }
  writeFileSync(`${folder}/manifests.ts`, `${[...imports, ...literals].join('\n')}\n`);
  const options = { module: 'nodenext', strict: true, noEmit: true, skipLibCheck: true, types: [] };
  writeFileSync(
    `${folder}/tsconfig.json`,
    JSON.stringify({ compilerOptions: options, include: ['manifests.ts'] }),
  );
  const { code, all } = await run(`${verifyFolder}node_modules/.bin/tsc`, ['-p', folder], { mayFail: true });
  return code === 0 ? '' : all;
}
