/**
 * Environment variables that override the file: `MAILWHEEL__INGRESS__SMTP__LISTEN=0.0.0.0:25`. Two underscores stand
 * between the keys, case does not count. Texts and words are taken as they are; numbers, lists and sections are read as
 * YAML (`[10.0.0.0/8]`). A variable with the prefix that names nothing stops the start: a misspelt limit that silently
 * does not apply is worse than a refused start.
 */
import { parse } from 'yaml';
import type { Field } from './field.ts';
import { formatPath, type SettingsProblem } from './problem.ts';
import { allPaths, nearest } from './suggest.ts';

export const environmentPrefix = 'MAILWHEEL__';

export interface Override {
  readonly path: readonly string[];
  readonly variable: string;
  readonly value: unknown;
}

/** `ingress.smtp.listen` -> `MAILWHEEL__INGRESS__SMTP__LISTEN`. */
export function environmentName(path: readonly string[]): string {
  return environmentPrefix + path.join('__').toUpperCase();
}

export interface Overrides {
  readonly overrides: readonly Override[];
  readonly problems: readonly SettingsProblem[];
}

/** Variables without the prefix are not looked at. Sorted by name, so that a section is set before its keys. */
export function readEnvironment(
  root: Field<unknown>,
  environment: Readonly<Record<string, string | undefined>>,
): Overrides {
  const overrides: Override[] = [];
  const problems: SettingsProblem[] = [];
  for (const variable of Object.keys(environment).toSorted()) {
    const text = environment[variable];
    if (text === undefined || !variable.toUpperCase().startsWith(environmentPrefix)) continue;
    const found = findField(root, variable.slice(environmentPrefix.length).split('__'));
    if (found === undefined) {
      problems.push({ path: '', message: unknownVariable(root, variable), source: 'environment', variable });
      continue;
    }
    const read = readValue(found.field, text);
    if (read.ok) overrides.push({ path: found.path, variable, value: read.value });
    else {
      const path = formatPath(found.path);
      problems.push({ path, message: `expected ${found.field.expects}`, source: 'environment', variable });
    }
  }
  return { overrides, problems };
}

function findField(
  root: Field<unknown>,
  words: readonly string[],
): { readonly path: readonly string[]; readonly field: Field<unknown> } | undefined {
  let field = root;
  const path: string[] = [];
  for (const word of words) {
    if (word === '') return undefined;
    const lower = word.toLowerCase();
    const known = Object.entries(field.fields ?? {}).find(([name]) => name.toLowerCase() === lower);
    if (known !== undefined) {
      path.push(known[0]);
      field = known[1];
    } else if (field.kind === 'map' && field.item !== undefined) {
      path.push(lower);
      field = field.item;
    } else return undefined;
  }
  return path.length === 0 ? undefined : { path, field };
}

function readValue(
  field: Field<unknown>,
  text: string,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  if (field.plainText) return { ok: true, value: text };
  try {
    return { ok: true, value: parse(text, { maxAliasCount: 100 }) };
  } catch {
    return { ok: false };
  }
}

function unknownVariable(root: Field<unknown>, variable: string): string {
  const names = allPaths(root).map((path) => environmentName(path.split('.')));
  const meant = nearest(variable.replace(/(?<=[^_])_(?=[^_])/g, ''), names);
  return `no setting has this name${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}
