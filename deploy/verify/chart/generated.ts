/** Files of deploy/ that are made from others: written by write.ts, compared by the checks. */
import { readFileSync } from 'node:fs';
import { dashboardText, pages } from '../dashboards/pages.ts';
import { chartFolder, deployFolder, type Helm } from '../tools.ts';
import { render } from './render.ts';
import { valuesSchema } from './values-schema.ts';

export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
}

/** The dashboards, the schema of the values, and the copies of rules and dashboards that a chart must have inside itself. */
export function generatedFiles(): GeneratedFile[] {
  const rules = readFileSync(`${deployFolder}prometheus/rules.yml`, 'utf8');
  return [
    ...Object.entries(pages).flatMap(([name, page]) =>
      [`${deployFolder}dashboards/${name}.json`, `${chartFolder}/files/dashboards/${name}.json`].map(
        (path) => ({
          path,
          text: dashboardText(page),
        }),
      ),
    ),
    { path: `${chartFolder}/files/rules.yml`, text: rules },
    { path: `${chartFolder}/values.schema.json`, text: `${JSON.stringify(valuesSchema(), undefined, 2)}\n` },
  ];
}

const heading = `# Mailwheel for \`kubectl apply -f\` and kustomize: the chart in deploy/chart with its default values, namespace mailwheel.
# Written by deploy/verify/write.ts; change the chart instead.
`;

export async function plainManifests(helm: Helm): Promise<string> {
  return heading + (await render(helm, {}));
}
