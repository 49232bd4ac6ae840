/**
 * Runs one role in this process: `mailwheel ingress | worker | console`. The role's module is loaded by path, because an
 * app never depends on another; what it must export is `RoleModule`.
 */
import { inspect } from 'node:util';
import { createLifecycle, type Lifecycle, type LifecycleEvent } from '@mailwheel/lifecycle';
import type { Settings } from '@mailwheel/settings';
import type { Invocation } from './command.ts';
import { settingsFor } from './configuration.ts';
import type { Output } from './output.ts';
import { receiveSettings } from './up/settings-message.ts';

export const roleNames = ['ingress', 'worker', 'console'] as const;
export type RoleName = (typeof roleNames)[number];

/** `apps/<role>/src/main.ts`. */
export interface RoleModule {
  /** Resolves when the role is ready; rejects with a sentence when it cannot start. Its stop steps are in the lifecycle. */
  run(options: { settings: Settings; lifecycle: Lifecycle; configPath?: string }): Promise<void>;
}

/** Resolves with no exit code when the role is ready: from then on the lifecycle decides when the process ends. */
export async function runRole(role: RoleName, call: Invocation): Promise<undefined> {
  const supervised = call.options.supervised === true;
  // Before anything else: the message of `up` may already be waiting in the channel.
  const received = supervised ? receiveSettings() : undefined;
  const lifecycle = createLifecycle({ role, supervised, report: lifecycleReporter(call.output, supervised) });
  const configPath = call.options.config;
  const { settings, warnings } = (await received) ?? (await settingsFor(role, call));
  call.output.useFormat(settings.log.format);
  for (const warning of warnings)
    call.output.event({ name: 'unsafe-listener', level: 'error', text: warning });
  const module = (await import(`../../${role}/src/main.ts`)) as RoleModule;
  try {
    await module.run({ settings, lifecycle, ...(configPath === undefined ? {} : { configPath }) });
    lifecycle.ready();
  } catch (error) {
    if (lifecycle.state() !== 'starting') return; // a stop came during the start: it has its own end
    if (error instanceof Error) error.message = `${role} cannot start: ${error.message}`;
    throw error;
  }
}

/** Writes what happens in the life of a process. Under `up` the readiness of a role is told there, once for all. */
export function lifecycleReporter(output: Output, supervised: boolean): (event: LifecycleEvent) => void {
  return (event) => {
    const { role } = event;
    switch (event.kind) {
      case 'ready': {
        if (supervised) return;
        const addresses = Object.fromEntries(event.addresses);
        const list = Object.entries(addresses).map(([name, address]) => `${name} ${address}`);
        return output.event({
          name: 'ready',
          text: `${role} is ready: ${list.join(', ')}`,
          fields: { role, addresses },
        });
      }
      case 'draining':
        return output.event({
          name: 'draining',
          text: `${role} stops (${event.why})`,
          fields: { role, why: event.why },
        });
      case 'hastened':
        return output.event({
          name: 'hastened',
          level: 'warn',
          text: `${role} hastens (${event.why})`,
          fields: { role },
        });
      case 'step-failed':
        return output.event({
          name: 'stop-step-failed',
          level: 'error',
          text: `${role}: ${event.error.message}`,
          fields: { role, step: event.step, error: inspect(event.error) },
        });
      case 'stopped':
        return output.event({
          name: 'stopped',
          ...(event.error === undefined ? {} : { level: 'error' as const }),
          text: `${role} has stopped${event.error === undefined ? '' : `: ${event.error.message}`}`,
          fields: { role, durationMs: Math.round(event.durationMs) },
        });
      case 'fatal':
        return output.event({
          name: 'fatal',
          level: 'error',
          text: `${role} ends on an error that should not happen: ${inspect(event.error)}`,
          fields: { role },
        });
    }
  };
}
