/**
 * From text to settings: the file, then the environment over it, then every check at once, so that one start names every
 * mistake. Reading the file and the process environment is the caller's.
 */
import { readDocument, type SettingsDocument } from './document.ts';
import { readEnvironment, type Override } from './environment.ts';
import { explain } from './explain.ts';
import type { Field } from './field.ts';
import { formatPath, type SettingsPath, type SettingsProblem } from './problem.ts';
import { relations } from './relations.ts';
import { tree, type WrittenSettings } from './schema.ts';

export interface SettingsSources {
  /** Text of the settings file; absent: there is none. */
  readonly yaml?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export type ParsedSettings =
  | { readonly ok: true; readonly settings: WrittenSettings }
  | { readonly ok: false; readonly problems: readonly SettingsProblem[] };

/** Checked settings with every default filled in, or every problem. Never throws for what the sources contain. */
export function parseSettings(sources: SettingsSources): ParsedSettings {
  const read = readDocument(sources.yaml ?? '');
  if (!read.ok) return read;
  const root = tree as Field<unknown>;
  const environment = readEnvironment(root, sources.environment);
  const input = read.document.value;
  for (const override of environment.overrides) put(input, override);

  const blame = blamer(read.document, environment.overrides);
  const checked = tree.schema.safeParse(input);
  const problems = [...environment.problems];
  if (!checked.success) {
    for (const issue of checked.error.issues) {
      for (const { path, message } of explain(root, issue, input)) problems.push(blame(path, message));
    }
    return { ok: false, problems };
  }
  for (const relation of relations) {
    if (!relation.holds(checked.data)) problems.push(blame(relation.path.split('.'), relation.message));
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, settings: checked.data };
}

function put(input: Record<string, unknown>, override: Override): void {
  let section = input;
  for (const step of override.path.slice(0, -1)) {
    const inner = section[step];
    if (typeof inner === 'object' && inner !== null) section = inner as Record<string, unknown>;
    else {
      const created: Record<string, unknown> = {};
      section[step] = created;
      section = created;
    }
  }
  const last = override.path.at(-1);
  if (last !== undefined) section[last] = override.value;
}

/** Tells which source a path came from: the environment if a variable set it or something around it. */
function blamer(
  document: SettingsDocument,
  overrides: readonly Override[],
): (path: SettingsPath, message: string) => SettingsProblem {
  return (path, message) => {
    const override = overrides.findLast(({ path: set }) => set.every((step, depth) => path[depth] === step));
    if (override !== undefined) {
      return { path: formatPath(path), message, source: 'environment', variable: override.variable };
    }
    const line = document.lineOf(path);
    return { path: formatPath(path), message, source: 'file', ...(line === undefined ? {} : { line }) };
  };
}
