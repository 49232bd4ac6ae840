/**
 * values.schema.json: what the chart's values may be. The part under `settings` is made from packages/settings itself, so
 * that Helm refuses what Mailwheel would refuse; left out of it is what the chart decides (Redis, routes, listeners,
 * credentials).
 */
import { z } from 'zod';
import { tree } from '../../../packages/settings/src/schema.ts';

type Schema = Readonly<Record<string, unknown>>;
interface ObjectSchema {
  properties: Record<string, ObjectSchema>;
  required?: string[];
  default?: unknown;
}

/** Settings that are values of the chart elsewhere. */
const decidedByChart = [
  'dataFolder',
  'routes',
  'routesFile',
  'redis.url',
  'redis.username',
  'redis.passwordFile',
  'redis.tls',
  'redis.sentinel',
  'redis.cluster',
  'ingress.listen',
  'ingress.smtp.listen',
  'ingress.smtps',
  'ingress.http.listen',
  'ingress.http.tokens',
  'worker.listen',
  'console.listen',
  'console.login',
];

const string: Schema = { type: 'string' };
const boolean: Schema = { type: 'boolean' };
const words = (...values: string[]): Schema => ({ type: 'string', enum: values });
const whole = (minimum: number, maximum: number): Schema => ({ type: 'integer', minimum, maximum });
const list = (items: Schema): Schema => ({ type: 'array', items });
const map = (values: Schema): Schema => ({ type: 'object', additionalProperties: values });
const labels = map(string);
const object = (properties: Readonly<Record<string, Schema>>, ...required: string[]): Schema => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...(required.length === 0 ? {} : { required }),
});
const listen = { type: 'string', pattern: '^[^:/@\\s]+:[0-9]{1,5}$' };
const quantity: Schema = {
  anyOf: [{ type: 'string', pattern: '^[0-9.]+(m|[kMGTP]i?)?$' }, { type: 'number' }],
};
const count = whole(1, 10_000);
const seconds = whole(0, 3600);

const resourceAmounts = object({ cpu: quantity, memory: quantity, 'ephemeral-storage': quantity });
const resources = object({ requests: resourceAmounts, limits: resourceAmounts });
const tolerations = list(
  object({
    key: string,
    operator: words('Exists', 'Equal'),
    value: string,
    effect: words('NoSchedule', 'PreferNoSchedule', 'NoExecute'),
    tolerationSeconds: whole(0, 1e9),
  }),
);
const placement = { resources, nodeSelector: labels, tolerations };
const labelSelector = object({
  matchLabels: labels,
  matchExpressions: list(
    object(
      { key: string, operator: words('In', 'NotIn', 'Exists', 'DoesNotExist'), values: list(string) },
      'key',
      'operator',
    ),
  ),
});
const peers = list(
  object({
    podSelector: labelSelector,
    namespaceSelector: labelSelector,
    ipBlock: object({ cidr: string, except: list(string) }, 'cidr'),
  }),
);
const ports = list(whole(1, 65_535));
const monitor = object({
  enabled: boolean,
  interval: { type: 'string', pattern: '^[0-9]+(ms|s|m)$' },
  labels,
});

const redis = object({
  mode: words('bundled', 'url', 'sentinel', 'cluster'),
  url: { type: 'string', pattern: '^$|^rediss?://[^@]+$' },
  sentinel: object({
    name: string,
    addresses: list(listen),
    username: string,
    existingSecret: string,
    existingSecretKey: string,
  }),
  cluster: object({ addresses: list(listen) }),
  username: string,
  existingSecret: string,
  existingSecretKey: string,
  tls: object({ enabled: boolean, serverName: string, existingSecret: string, clientCertificate: boolean }),
  bundled: object({
    image: string,
    imagePullPolicy: words('Always', 'IfNotPresent', 'Never'),
    maxmemory: { type: 'string', pattern: '^[0-9]+(kb|mb|gb)?$' },
    storageClassName: string,
    storageSize: quantity,
    ...placement,
  }),
});

const ingress = object({
  replicas: count,
  httpTokensSecret: string,
  httpTokensSecretKey: string,
  service: object({
    type: words('LoadBalancer', 'NodePort', 'ClusterIP'),
    port: whole(1, 65_535),
    smtpsPort: whole(0, 65_535),
    externalTrafficPolicy: words('Local', 'Cluster'),
    loadBalancerClass: string,
    loadBalancerSourceRanges: list(string),
    annotations: labels,
  }),
  httpService: object({
    type: words('LoadBalancer', 'NodePort', 'ClusterIP'),
    port: whole(1, 65_535),
    annotations: labels,
  }),
  autoscaling: object({
    enabled: boolean,
    minReplicas: count,
    maxReplicas: count,
    targetCPUUtilizationPercentage: whole(1, 100),
  }),
  preStopSleepSeconds: seconds,
  priorityClassName: string,
  ...placement,
});

const worker = object({
  replicas: count,
  keda: object({
    enabled: boolean,
    prometheusAddress: { type: 'string', pattern: '^$|^https?://' },
    minReplicas: count,
    maxReplicas: count,
    depthPerWorker: whole(1, 1e9),
    oldestSecondsTarget: whole(1, 1e6),
    pollingIntervalSeconds: whole(1, 3600),
    cooldownSeconds: seconds,
  }),
  priorityClassName: string,
  ...placement,
});

/** The schema as committed in the chart. */
export function valuesSchema(): Schema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the Mailwheel chart',
    description: 'Written by deploy/verify/write.ts.',
    ...object({
      nameOverride: string,
      fullnameOverride: string,
      image: object({
        repository: string,
        tag: string,
        digest: { type: 'string', pattern: '^$|^sha256:[0-9a-f]{64}$' },
        pullPolicy: words('Always', 'IfNotPresent', 'Never'),
      }),
      imagePullSecrets: list(object({ name: string }, 'name')),
      serviceAccount: object({ create: boolean, name: string, annotations: labels }),
      podAnnotations: labels,
      podLabels: labels,
      listenAddress: words('0.0.0.0', '[::]'),
      settings: settingsSchema(),
      routes: string,
      existingRoutesConfigMap: string,
      secretMounts: list(
        object(
          { name: { type: 'string', pattern: '^[a-z0-9-]{1,50}$' }, secretName: string },
          'name',
          'secretName',
        ),
      ),
      redis,
      ingress,
      worker,
      console: object({
        enabled: boolean,
        user: { type: 'string', minLength: 1 },
        loginSecret: string,
        loginSecretKey: string,
        service: object({ port: whole(1, 65_535), annotations: labels }),
        priorityClassName: string,
        ...placement,
      }),
      podDisruptionBudget: object({
        enabled: boolean,
        maxUnavailable: { anyOf: [whole(1, 10_000), { type: 'string', pattern: '^[0-9]{1,3}%$' }] },
      }),
      networkPolicy: object({
        enabled: boolean,
        smtpFrom: peers,
        httpFrom: peers,
        consoleFrom: peers,
        metricsFrom: peers,
        deliveryPorts: ports,
        redisTo: peers,
        redisPorts: ports,
      }),
      metrics: object({
        podMonitor: monitor,
        serviceMonitor: monitor,
        prometheusRule: object({ enabled: boolean, labels, runbookUrl: string }),
        dashboards: object({ enabled: boolean, labels }),
      }),
      // What Helm itself puts there for a chart that others include.
      global: { type: 'object' },
    }),
  };
}

function settingsSchema(): Schema {
  const made = z.toJSONSchema(tree.schema, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
  const settings = structuredClone(made) as unknown as ObjectSchema & { $schema?: string };
  delete settings.$schema;
  for (const path of decidedByChart) {
    const steps = path.split('.');
    const last = steps.pop() ?? '';
    const parent = steps.reduce((section, step) => {
      const inner = section.properties[step];
      if (inner === undefined) throw new Error(`there is no setting ${path}`);
      return inner;
    }, settings as ObjectSchema);
    if (parent.properties[last] === undefined) throw new Error(`there is no setting ${path}`);
    delete parent.properties[last];
  }
  dropDefaults(settings);
  return settings as unknown as Schema;
}

/** Defaults are Mailwheel's: a chart that repeated them would keep those of the version it was made with. */
function dropDefaults(schema: object): void {
  if ('default' in schema && 'type' in schema) delete schema.default;
  for (const inner of Object.values(schema))
    if (typeof inner === 'object' && inner !== null) dropDefaults(inner as object);
}
