export type * from './types.ts';
export { hostStates } from './types.ts';
export { nextInTurn, newCursor, takeTurn, takeTurnOf, type Cursor, type Turn } from './cursor.ts';
export {
  pickHealth,
  leaseProbe,
  probeLookMs,
  rampRate,
  reportHealth,
  restFactor,
  takeToken,
  unknownHost,
  type HealthAnswer,
  type HealthChange,
  type HealthQuestion,
  type HealthReport,
  type HealthRules,
  type HostHealth,
} from './health.ts';
export { nextRetry, retryTable, type RetryRequest, type RetryRow } from './retry.ts';
