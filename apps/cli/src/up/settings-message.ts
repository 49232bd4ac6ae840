/** Settings on their way from `up` to a role: over the IPC channel, so that no secret is in argv or environment. */
import type { Settings } from '@mailwheel/settings';
import type { CommandSettings } from '../configuration.ts';

export interface SettingsMessage {
  readonly kind: 'settings';
  readonly settings: Settings;
}

/** The settings that `up` sends first. Resolves once; a parent that dies before is the lifecycle's business. */
export function receiveSettings(): Promise<CommandSettings> {
  return new Promise((resolve) => {
    const onMessage = (message: unknown): void => {
      if (!isSettings(message)) return;
      process.off('message', onMessage);
      resolve({ settings: message.settings, warnings: [] });
    };
    process.on('message', onMessage);
  });
}

function isSettings(message: unknown): message is SettingsMessage {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'settings';
}
