/** The life of a process: configuration at its start, readiness, and a stop in a written order. */
export {
  describeFileError,
  loadConfiguration,
  type Configuration,
  type ConfigurationRequest,
} from './configuration.ts';
export { createLifecycle } from './create-lifecycle.ts';
export { readSecretFile } from './secret-file.ts';
export { processTimers, thisProcess } from './surroundings.ts';
export {
  stopStages,
  type FromRole,
  type HostProcess,
  type Lifecycle,
  type LifecycleEvent,
  type LifecycleOptions,
  type LifecycleState,
  type StopStage,
  type StopStep,
  type Timers,
  type ToRole,
} from './types.ts';
