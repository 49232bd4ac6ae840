/** `/v1/openapi.json`, and `/docs`: the same document as a page to read. One file, no script, nothing loaded from anywhere. */
import type { FastifyInstance } from 'fastify';
import { createHash } from 'node:crypto';
import { openApiDocument } from './openapi.ts';

const apiVersion = '1.0.0';

const style = `
:root { color-scheme: light dark; --line: #8885; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); } h3 { margin-top: 2rem; }
code, pre { font: 0.875rem/1.45 ui-monospace, monospace; } code { background: var(--soft); padding: 0.1em 0.3em; border-radius: 3px; }
pre { background: var(--soft); padding: 1rem; overflow-x: auto; border-radius: 6px; } pre code { background: none; padding: 0; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; } th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.8rem 0.4rem 0; border-bottom: 1px solid var(--line); }
.verb { font-weight: 700; }
`;

interface SchemaNode {
  readonly $ref?: string;
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly items?: SchemaNode;
  readonly oneOf?: readonly SchemaNode[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
}

interface Operation {
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: SchemaNode }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: SchemaNode }>> };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description: string;
        readonly content: Readonly<Record<string, { readonly schema: SchemaNode }>>;
      }
    >
  >;
}

interface Document {
  readonly info: { readonly title: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, SchemaNode>> };
}

export function registerDocumentation(app: FastifyInstance): void {
  const document = openApiDocument(apiVersion);
  const json = `${JSON.stringify(document, undefined, 2)}\n`;
  const page = renderPage(document as unknown as Document);
  const styleDigest = createHash('sha256').update(style).digest('base64');
  app.get('/v1/openapi.json', async (_request, reply) => reply.type('application/json').send(json));
  app.get('/docs', async (_request, reply) =>
    reply
      .header('content-security-policy', `default-src 'none'; style-src 'sha256-${styleDigest}'`)
      .header('x-content-type-options', 'nosniff')
      .type('text/html; charset=utf-8')
      .send(page),
  );
}

function renderPage(document: Document): string {
  const operations = Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, operation]) => renderOperation(verb, path, operation)),
  );
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) =>
      `<h3 id="${name}">${name}</h3><p>${text(schema.title ?? '')}</p>${properties(schema)}`,
  );
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${text(document.info.title)}</title><style>${style}</style></head><body>`,
    `<h1>${text(document.info.title)}</h1><p>${text(document.info.description)}</p>`,
    '<p>The same as a machine reads it: <a href="/v1/openapi.json">/v1/openapi.json</a></p>',
    ...operations,
    '<h2>Schemas</h2>',
    ...schemas,
    '</body></html>\n',
  ].join('\n');
}

function renderOperation(verb: string, path: string, operation: Operation): string {
  const parameters = operation.parameters.map(({ name, in: place, schema }) =>
    row([`<code>${text(name)}</code>`, place, kind(schema), text(schema.description ?? '')]),
  );
  const bodies = Object.entries(operation.requestBody?.content ?? {}).map(([type, { schema }]) =>
    row([`<code>${text(type)}</code>`, kind(schema), '', '']),
  );
  const responses = Object.entries(operation.responses).map(([status, response]) =>
    row([
      `<code>${status}</code>`,
      Object.values(response.content)
        .map(({ schema }) => kind(schema))
        .join(', '),
      text(response.description),
      '',
    ]),
  );
  return [
    `<h2><span class="verb">${verb.toUpperCase()}</span> <code>${text(path)}</code></h2>`,
    `<p><strong>${text(operation.summary)}.</strong> ${text(operation.description)}</p>`,
    table('Parameters', parameters),
    bodies.length === 0 ? '' : table('Request body', bodies),
    table('Responses', responses),
  ].join('\n');
}

function properties(schema: SchemaNode): string {
  const rows = Object.entries(schema.properties ?? {}).map(([name, property]) =>
    row([
      `<code>${text(name)}</code>`,
      schema.required?.includes(name) === true ? 'required' : '',
      kind(property),
      `${text(property.description ?? '')}${nested(property)}`,
    ]),
  );
  return table('Fields', rows);
}

function nested(property: SchemaNode): string {
  const inner = property.items ?? property;
  return inner.properties === undefined ? '' : properties(inner);
}

function kind(schema: SchemaNode): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    return `<a href="#${text(name)}">${text(name)}</a>`;
  }
  if (schema.enum !== undefined) return schema.enum.map((value) => `<code>${text(value)}</code>`).join(' | ');
  if (schema.oneOf !== undefined) return schema.oneOf.map(kind).join(' or ');
  if (schema.items !== undefined) return `list of ${kind(schema.items)}`;
  return text(schema.format ?? schema.type ?? 'any');
}

function table(title: string, rows: readonly string[]): string {
  return rows.length === 0 ? '' : `<table><caption>${title}</caption>${rows.join('')}</table>`;
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

/** Escaped; what stands between backquotes is code. */
function text(of: string): string {
  return of
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/`([^`]*)`/g, '<code>$1</code>');
}
