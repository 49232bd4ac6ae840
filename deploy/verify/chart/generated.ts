/** Files of deploy/ that are made from others: written by write.ts, compared by the checks. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chartFolder, deployFolder, type Helm } from '../tools.ts';
import { render } from './render.ts';
import { valuesSchema } from './values-schema.ts';

export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** The schema of the values, and the copies of rules and dashboards that a chart must have inside itself. */
export function generatedFiles(): GeneratedFile[] {
  const dashboards = `${deployFolder}dashboards`;
  const copies = [['prometheus/rules.yml', 'rules.yml']];
  if (existsSync(dashboards)) {
    for (const name of readdirSync(dashboards).filter((one) => one.endsWith('.json')))
      copies.push([`dashboards/${name}`, `dashboards/${name}`]);
  }
  return [
    { path: `${chartFolder}/values.schema.json`, text: `${JSON.stringify(valuesSchema(), undefined, 2)}\n` },
    ...copies.map(([from, to]) => ({
      path: `${chartFolder}/files/${to}`,
      text: readFileSync(`${deployFolder}${from}`, 'utf8'),
    })),
  ];
}

const heading = `# Mailwheel for \`kubectl apply -f\` and kustomize: the chart in deploy/chart with its default values, namespace mailwheel.
# Written by deploy/verify/write.ts; change the chart instead.
`;

export async function plainManifests(helm: Helm): Promise<string> {
  return heading + (await render(helm, {}));
}
