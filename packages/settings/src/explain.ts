/** From what the check found to sentences: the path, what was expected, what was there. */
import type { z } from 'zod';
import { conditionParameters, type Field } from './field.ts';
import { formatPath, type SettingsPath } from './problem.ts';
import { suggestKey } from './suggest.ts';

const shownCharactersMax = 60;

export interface Explained {
  readonly path: SettingsPath;
  readonly message: string;
}

export function explain(root: Field<unknown>, issue: z.core.$ZodIssue, input: unknown): Explained[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(root, path, key) }));
  }
  if (issue.code === 'custom' && issue.params === conditionParameters)
    return [{ path, message: issue.message }];
  const field = fieldAt(root, path);
  return [{ path, message: `expected ${field.expects}, ${found(field, valueAt(input, path))}` }];
}

function unknownKey(root: Field<unknown>, parent: SettingsPath, key: string): string {
  const siblings = Object.keys(fieldAt(root, parent).fields ?? {});
  const meant = suggestKey(root, { key, parent: formatPath(parent), siblings });
  return `no setting has this name${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}

/** The deepest field on the path: an issue inside a value is told as one of the value. */
function fieldAt(root: Field<unknown>, path: SettingsPath): Field<unknown> {
  let field = root;
  for (const step of path) {
    const next = field.fields?.[String(step)] ?? field.item;
    if (next === undefined) break;
    field = next;
  }
  return field;
}

function valueAt(input: unknown, path: SettingsPath): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[String(step)];
  }
  return value;
}

function found(field: Field<unknown>, value: unknown): string {
  if (value === undefined) return 'but it is missing';
  if (value === null) return 'but it is empty; leave the key out for the default';
  if (field.secret) return 'but it is something else (not shown, it may be a secret)';
  const text = JSON.stringify(value);
  return `got ${text.length > shownCharactersMax ? `${text.slice(0, shownCharactersMax)}...` : text}`;
}
