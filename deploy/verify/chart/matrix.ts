/** Values the chart is rendered with: every switch at least once on and once off; and values it must refuse. */

export interface ValuesCase {
  readonly name: string;
  readonly values: object;
}

const everywhere = {
  settings: {
    hostname: 'relay.example.net',
    ingress: {
      drainSeconds: 20.5,
      smtp: {
        trustedNetworks: ['10.0.0.0/8'],
        messageBytesMax: 26214400,
        proxyFrom: ['10.9.0.0/24'],
        tls: {
          certificateFile: '/etc/mailwheel/secrets/certificate/tls.crt',
          keyFile: '/etc/mailwheel/secrets/certificate/tls.key',
        },
      },
    },
    worker: { drainSeconds: 120, bodiesInFlightBytes: 536870912 },
    nextHops: {
      'smtp.provider.example:587': {
        tls: 'verify',
        auth: { user: 'app', passwordFile: '/etc/mailwheel/secrets/provider/password' },
      },
    },
    destinations: { default: { concurrencyMax: 500 }, 'slow.example': { concurrencyMax: 5 } },
  },
  routes: '# the provider takes everything\nALL smtp.provider.example:587\n',
  secretMounts: [
    { name: 'provider', secretName: 'mail-provider' },
    { name: 'certificate', secretName: 'relay-tls' },
  ],
};

/** A monitored tier with everything switched on: what deploy/README.md calls the full installation. */
export const full: ValuesCase = {
  name: 'everything on',
  values: {
    ...everywhere,
    image: { repository: 'mailwheel', digest: `sha256:${'ab'.repeat(32)}` },
    imagePullSecrets: [{ name: 'pull' }],
    podAnnotations: { 'example.net/team': 'mail' },
    podLabels: { team: 'mail' },
    redis: { existingSecret: 'redis-login' },
    ingress: {
      httpTokensSecret: 'mailwheel-tokens',
      service: {
        smtpsPort: 465,
        annotations: { 'example.net/lb': 'public' },
        loadBalancerClass: 'example.net/lb',
        loadBalancerSourceRanges: ['10.0.0.0/8'],
      },
      nodeSelector: { pool: 'mail' },
      tolerations: [{ key: 'mail', operator: 'Exists', effect: 'NoSchedule' }],
      priorityClassName: 'high',
    },
    worker: {
      keda: { enabled: true, prometheusAddress: 'http://prometheus.monitoring:9090' },
      priorityClassName: 'high',
    },
    console: { enabled: true, loginSecret: 'console-login' },
    networkPolicy: {
      smtpFrom: [{ ipBlock: { cidr: '10.0.0.0/8' } }],
      httpFrom: [{ namespaceSelector: { matchLabels: { app: 'shop' } } }],
      consoleFrom: [{ namespaceSelector: { matchLabels: { team: 'mail' } } }],
      metricsFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
    },
    metrics: {
      podMonitor: { enabled: true, labels: { release: 'prometheus' } },
      prometheusRule: { enabled: true, runbookUrl: 'https://docs.example.net/mailwheel/runbook' },
      dashboards: { enabled: true },
    },
  },
};

export const matrix: readonly ValuesCase[] = [
  { name: 'defaults', values: {} },
  full,
  {
    name: 'Redis by URL, no login',
    values: {
      redis: { mode: 'url', url: 'redis://redis.example:6379' },
      ingress: { service: { type: 'ClusterIP' } },
    },
  },
  {
    name: 'Redis by URL with TLS, client certificate and ACL user',
    values: {
      redis: {
        mode: 'url',
        url: 'rediss://redis.example:6380',
        username: 'mailwheel',
        existingSecret: 'redis-login',
        existingSecretKey: 'redis-password',
        tls: {
          enabled: true,
          serverName: 'redis.example',
          existingSecret: 'redis-tls',
          clientCertificate: true,
        },
      },
      networkPolicy: { redisTo: [{ ipBlock: { cidr: '10.1.0.0/16' } }], redisPorts: [6380] },
    },
  },
  {
    name: 'Redis behind Sentinel, fixed number of pods',
    values: {
      redis: {
        mode: 'sentinel',
        sentinel: {
          name: 'main',
          addresses: ['sentinel-0.example:26379', 'sentinel-1.example:26379'],
          username: 'watcher',
          existingSecret: 'sentinel-login',
        },
        existingSecret: 'redis-login',
      },
      ingress: {
        autoscaling: { enabled: false },
        replicas: 3,
        preStopSleepSeconds: 0,
        service: { type: 'NodePort' },
      },
      settings: { redis: { replicasToWaitFor: 1 } },
    },
  },
  {
    name: 'Redis Cluster with TLS and many shards',
    values: {
      redis: { mode: 'cluster', cluster: { addresses: ['redis-0.example:6379'] }, tls: { enabled: true } },
      settings: { redis: { shards: 64 } },
      metrics: { serviceMonitor: { enabled: true } },
    },
  },
  {
    name: 'policies and budgets off, names of others',
    values: {
      nameOverride: 'out',
      fullnameOverride: 'mail-out',
      serviceAccount: { create: false, name: 'mail' },
      existingRoutesConfigMap: 'our-routes',
      listenAddress: '[::]',
      networkPolicy: { enabled: false },
      podDisruptionBudget: { enabled: false },
      redis: { bundled: { storageClassName: 'fast', maxmemory: '512mb' } },
    },
  },
];

export const refused: readonly (ValuesCase & { readonly says: RegExp })[] = [
  { name: 'an unknown key', values: { replcas: 3 }, says: /replcas/ },
  { name: 'an unknown key deep inside', values: { worker: { keda: { enabeld: true } } }, says: /enabeld/ },
  { name: 'an unknown setting', values: { settings: { retry: { firstWait: 5 } } }, says: /firstWait/ },
  { name: 'a setting outside its limits', values: { settings: { worker: { streams: 0 } } }, says: /streams/ },
  { name: 'a setting the chart decides', values: { settings: { redis: { url: 'redis://x' } } }, says: /url/ },
  { name: 'a word for a number', values: { ingress: { replicas: 'zero' } }, says: /replicas/ },
  { name: 'a password in the URL', values: { redis: { mode: 'url', url: 'redis://u:p@x' } }, says: /url/ },
  {
    name: 'SMTP under TLS without a certificate',
    values: { ingress: { service: { smtpsPort: 465 } } },
    says: /needs settings\.ingress\.smtp\.tls/,
  },
  { name: 'mode url without a URL', values: { redis: { mode: 'url' } }, says: /redis\.url must say/ },
  {
    name: 'Sentinel without addresses',
    values: { redis: { mode: 'sentinel' } },
    says: /must name at least one/,
  },
  { name: 'a console without a login', values: { console: { enabled: true } }, says: /loginSecret/ },
  {
    name: 'KEDA without Prometheus',
    values: { worker: { keda: { enabled: true } } },
    says: /prometheusAddress/,
  },
];
