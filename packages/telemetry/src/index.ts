/**
 * Seeing what the program does: log records in three forms, metrics with bounded labels, and the operations listener of a
 * process. The only package that knows pino and prom-client.
 */
export {
  connectionErrorReasons,
  eventNatures,
  loggedError,
  logLevels,
  type AttemptEvent,
  type ConnectionErrorReason,
  type IncomingEvent,
  type LogEvent,
  type LogEventName,
  type LoggedError,
  type LogLevel,
  type OperationEvent,
  type OutgoingEvent,
} from './log/events.ts';
export type { LineDestination } from './log/destination.ts';
export { chooseFormat, createLogger, type LogFormat, type Logger, type LoggerOptions } from './log/logger.ts';
export { boundedLabel, overflowLabel, type BoundedLabel } from './metrics/bounded-label.ts';
export { codeLabel, deliveryMetrics } from './metrics/delivery.ts';
export { hostMetrics } from './metrics/hosts.ts';
export { ingressMetrics } from './metrics/ingress.ts';
export { processMetrics } from './metrics/process.ts';
export { queueMetrics } from './metrics/queue.ts';
export { metricGroups, renderMetricsReference, type MetricGroup } from './metrics/reference.ts';
export {
  createRegistry,
  labelBounds,
  type MetricRegistry,
  type RegistryOptions,
} from './metrics/registry.ts';
export { Counter, Gauge, Histogram, type Labels, type SeriesOptions } from './metrics/series.ts';
export { createMetrics, type LabelBounds, type MetricSpec, type MetricsOf } from './metrics/specs.ts';
export {
  startOperationsServer,
  type OperationsPage,
  type OperationsServer,
  type OperationsServerOptions,
  type Readiness,
} from './operations-server.ts';
