/** Settings for a command, or a refusal that lists every mistake. */
import { loadConfiguration } from '@mailwheel/lifecycle';
import type { Role, Settings } from '@mailwheel/settings';
import { CommandFailure, type Invocation } from './command.ts';

export interface CommandSettings {
  readonly settings: Settings;
  readonly warnings: readonly string[];
}

/** Reads `--config` and the environment for `role`. Rejects with a `CommandFailure` that names every mistake. */
export async function settingsFor(role: Role, call: Invocation): Promise<CommandSettings> {
  const loaded = await loadConfiguration({
    configPath: call.options.config,
    environment: call.environment,
    role,
  });
  if (loaded.ok) return loaded;
  throw new CommandFailure(['The settings cannot be used:', ...loaded.problems].join('\n  '));
}
