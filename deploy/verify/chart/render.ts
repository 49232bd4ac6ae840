/** Rendering the chart with one Helm. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { run, type Ran } from '../report.ts';
import { chartFolder, type Helm } from '../tools.ts';

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A rendered document; what is under `spec` is looked into by those who know the kind. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
}

/** Runs `helm WORDS CHART --values FILE`; may fail. */
export async function helmWith(helm: Helm, words: readonly string[], values: object): Promise<Ran> {
  const folder = mkdtempSync(join(tmpdir(), 'mailwheel-values-'));
  try {
    const path = join(folder, 'values.yaml');
    writeFileSync(path, stringify(values));
    return await run(helm.path, [...words, chartFolder, '--values', path], {
      mayFail: true,
      environment: {
        KUBECONFIG: '/dev/null',
        HELM_CACHE_HOME: folder,
        HELM_CONFIG_HOME: folder,
        HELM_DATA_HOME: folder,
      },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The text that `helm template` answers with; rejects when it refuses. */
export async function render(helm: Helm, values: object): Promise<string> {
  const rendered = await helmWith(helm, ['template', 'mailwheel', '--namespace', 'mailwheel'], values);
  if (rendered.code !== 0) throw new Error(`Helm ${helm.version}: ${rendered.all}`);
  return rendered.stdout;
}

export function documents(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((one): one is Manifest => one !== null);
}
