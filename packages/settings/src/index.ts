/**
 * Settings: what an operator may write, checked, with every default and every limit, and the reference page made from the
 * same records. Pure: the text of the file and the environment are arguments.
 */
export { formatListen, isLoopback, parseListen, type ListenAddress } from './addresses.ts';
export { environmentName, environmentPrefix } from './environment.ts';
export { parseSettings, type ParsedSettings, type SettingsSources } from './parse.ts';
export { formatPath, type SettingsPath, type SettingsProblem } from './problem.ts';
export { exampleYaml, renderReference, settingPaths } from './reference.ts';
export {
  loopbackNetworks,
  missingFor,
  resolveFor,
  roles,
  unsafeListeners,
  type Role,
  type UnsafeListener,
} from './resolve.ts';
export type { Settings, WrittenSettings } from './schema.ts';
export type { BouncedSettings, BounceSettings } from './schema/bounce.ts';
export type {
  ConsoleLogin,
  ConsoleProxy,
  ConsoleRole,
  ConsoleSettings,
  ConsoleUser,
} from './schema/console.ts';
export type { DeliverySettings } from './schema/delivery.ts';
export type { HttpIngressSettings, HttpToken, IngressSettings } from './schema/ingress.ts';
export type { SmtpIngressSettings, SmtpsIngressSettings, SmtpTlsSettings } from './schema/smtp.ts';
export type { HostHealthSettings, RetryScheduleSettings } from './schema/pacing.ts';
export type {
  RedisClusterSettings,
  RedisSentinelSettings,
  RedisSettings,
  RedisTlsSettings,
  StoreSettings,
} from './schema/redis.ts';
export type { DestinationSettings, NextHopSettings } from './schema/routing.ts';
export type { ClockSettings, DnsSettings, LogSettings, MetricsSettings } from './schema/surroundings.ts';
export type { WorkerSettings } from './schema/worker.ts';
