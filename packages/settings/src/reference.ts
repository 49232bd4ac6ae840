/** The reference page and the example file, both generated from the same records that check the settings. */
import { environmentName } from './environment.ts';
import type { Field } from './field.ts';
import { tree } from './schema.ts';
import { allPaths } from './suggest.ts';

interface Entry {
  readonly path: readonly string[];
  readonly field: Field<unknown>;
}

/** Paths of all settings; `<name>` stands for a key that the operator chooses. */
export function settingPaths(): string[] {
  return allPaths(tree as Field<unknown>);
}

/** Text of `docs/settings.md`. */
export function renderReference(): string {
  const root = tree as Field<unknown>;
  const parts = [introduction, sectionTable('Top level', [], root)];
  for (const { path, field } of sections(root, [])) {
    parts.push(sectionTable(`\`${path.join('.')}\``, path, field));
  }
  return `${parts.join('\n\n')}\n`;
}

const introduction = `# Settings

<!-- Generated from packages/settings by \`renderReference()\`; test/structure compares. Do not edit. -->

Settings are read from the YAML file given with \`--config\`, then environment variables with the prefix \`MAILWHEEL__\`
override it: two underscores stand between keys, upper and lower case are the same. Numbers, lists and sections in
variables are written as YAML (\`MAILWHEEL__INGRESS__SMTP__TRUSTEDNETWORKS='[10.0.0.0/8]'\`), texts as they are. An unknown
key or variable, a value outside its limits, or values that contradict each other stop the start with file, line, path and
what was expected. \`-\` as default: the key may be absent; \`required\`: it must be there if its section is. \`<name>\`
stands for a name of yours.`;

/** Sections below a field in reading order, those of lists and maps included. */
function sections(of: Field<unknown>, path: readonly string[]): Entry[] {
  return Object.entries(of.fields ?? {}).flatMap(([name, field]): Entry[] => {
    const here = [...path, name];
    if (field.kind === 'section') return [{ path: here, field }, ...sections(field, here)];
    if (field.item?.fields === undefined) return [];
    const below = field.kind === 'list' ? [...path, `${name}[]`] : [...here, '<name>'];
    return [{ path: below, field: field.item }, ...sections(field.item, below)];
  });
}

function sectionTable(title: string, path: readonly string[], section: Field<unknown>): string {
  const rows = Object.entries(section.fields ?? {})
    .filter(([, field]) => field.kind !== 'section')
    .map(([name, field]) => row([...path, name], field));
  const head = [
    '| key | type | default | limits | meaning | variable |',
    '| --- | --- | --- | --- | --- | --- |',
  ];
  const table = rows.length === 0 ? [] : ['', ...head, ...rows];
  return [`## ${title}`, '', path.length === 0 ? 'Keys outside any section.' : section.says, ...table].join(
    '\n',
  );
}

function row(path: readonly string[], field: Field<unknown>): string {
  const name = path.at(-1) ?? '';
  const insideList = path.some((step) => step.endsWith('[]'));
  const cells = [
    `\`${name}\``,
    field.type,
    defaultText(field),
    field.limits === '' ? '-' : field.limits,
    field.says,
    insideList ? '-' : `\`${environmentName(path).replace('<NAME>', '<name>')}\``,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function defaultText(field: Field<unknown>): string {
  if (field.initial !== undefined) return `\`${flow(field.initial)}\``;
  return field.optional ? '-' : 'required';
}

/** A value as YAML flow text. JSON is YAML; plain words need no quotes. */
function flow(value: unknown): string {
  return typeof value === 'string'
    ? /^[A-Za-z][A-Za-z0-9_-]*$/.test(value)
      ? value
      : JSON.stringify(value)
    : JSON.stringify(value);
}

/**
 * A settings file with every key that has a default, each under its sentence, and the others as comments. It says what the
 * program does without any file, and it parses to exactly that.
 */
export function exampleYaml(): string {
  const lines = ['# Every setting with its default. Delete what you do not change.'];
  lines.push(...yamlOf(tree as Field<unknown>, ''));
  return `${lines.join('\n')}\n`;
}

function yamlOf(section: Field<unknown>, indent: string): string[] {
  return Object.entries(section.fields ?? {}).flatMap(([name, field]) => {
    const lines = [
      `${indent}# ${field.says}${field.kind === 'section' ? '' : ` (${field.type}${limitsText(field)})`}`,
    ];
    if (field.initial === undefined) return [...lines, `${indent}# ${name}:`];
    if (field.kind === 'section') return ['', ...lines, `${indent}${name}:`, ...yamlOf(field, `${indent}  `)];
    return [...lines, `${indent}${name}: ${flow(field.initial)}`];
  });
}

function limitsText(field: Field<unknown>): string {
  return field.limits === '' ? '' : `, ${field.limits}`;
}
