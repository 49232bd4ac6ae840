/** What no schema knows: how the rendered documents must agree with one another and with Mailwheel. */
import { parseSettings, unsafeListeners, missingFor, type WrittenSettings } from '@mailwheel/settings';
import type { Manifest } from './render.ts';

interface Port {
  readonly name?: string;
  readonly containerPort?: number;
  readonly targetPort?: string | number;
  readonly port?: string | number;
}
interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
  readonly tcpSocket?: { readonly port: string };
  readonly exec?: object;
}
interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly ports: readonly Port[];
  readonly env?: readonly { readonly name: string }[];
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
  readonly resources?: { readonly requests?: object; readonly limits?: { readonly memory?: string } };
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly subPath?: string;
  }[];
}
interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string };
}
export interface PodTemplate {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly volumes?: readonly Volume[];
    readonly enableServiceLinks?: boolean;
    readonly automountServiceAccountToken?: boolean;
    readonly terminationGracePeriodSeconds?: number;
    readonly securityContext?: Readonly<Record<string, unknown>>;
  };
}
type Labels = Readonly<Record<string, string>>;

interface Workload {
  readonly name: string;
  readonly template: PodTemplate;
  readonly selector: Labels;
  readonly container: Container;
  readonly manifest: Manifest;
}

/** Everything that is wrong with one rendering, as sentences. */
export function faultsOf(manifests: readonly Manifest[]): string[] {
  const loads = workloads(manifests);
  return [
    ...duplicates(manifests),
    ...loads.flatMap((load) => [...podFaults(load), ...volumeFaults(load, manifests)]),
    ...manifests.flatMap((manifest) => selectorFaults(manifest, loads)),
    ...settingsFaults(manifests, loads),
    ...secretFaults(manifests),
  ];
}

export function workloads(manifests: readonly Manifest[]): Workload[] {
  return manifests
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
    .map((manifest) => {
      const spec = manifest.spec as { template: PodTemplate; selector: { matchLabels: Labels } };
      const [container] = spec.template.spec.containers;
      if (container === undefined) throw new Error(`${manifest.metadata.name} has no container`);
      return {
        name: manifest.metadata.name,
        template: spec.template,
        selector: spec.selector.matchLabels,
        container,
        manifest,
      };
    });
}

function duplicates(manifests: readonly Manifest[]): string[] {
  const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  return names.filter((name, index) => names.indexOf(name) !== index).map((name) => `${name} is there twice`);
}

function matches(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

function podFaults({ name, template, selector, container }: Workload): string[] {
  const { spec, metadata } = template;
  const said: [boolean, string][] = [
    [matches(selector, metadata.labels), 'its selector does not match its own pods'],
    [spec.enableServiceLinks === false, 'enableServiceLinks is not false'],
    [spec.automountServiceAccountToken === false, 'a token of the API server is mounted'],
    [spec.securityContext?.['runAsNonRoot'] === true, 'may run as root'],
    [container.securityContext?.['readOnlyRootFilesystem'] === true, 'its root is writable'],
    [container.securityContext?.['allowPrivilegeEscalation'] === false, 'may gain privileges'],
    [container.ports.every((port) => port.name !== undefined), 'a port has no name'],
    [container.resources?.requests !== undefined, 'requests no resources'],
    [container.resources?.limits?.memory !== undefined, 'has no memory limit'],
    [
      Object.keys(metadata.annotations ?? {}).some((key) => key.startsWith('checksum/')),
      'is not rolled when its settings change',
    ],
  ];
  const faults = said.filter(([holds]) => !holds).map(([, sentence]) => `${name}: ${sentence}`);
  for (const kind of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = container[kind];
    const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
    if (probe === undefined) faults.push(`${name}: no ${kind}`);
    else if (port !== undefined && !container.ports.some((one) => one.name === port))
      faults.push(`${name}: ${kind} asks port ${port}, which the container does not have`);
  }
  return faults;
}

function volumeFaults({ name, template, container }: Workload, manifests: readonly Manifest[]): string[] {
  const faults: string[] = [];
  const claims = name.endsWith('-redis') ? ['data'] : [];
  const volumes = template.spec.volumes ?? [];
  for (const mount of container.volumeMounts) {
    if (![...volumes.map((volume) => volume.name), ...claims].includes(mount.name))
      faults.push(`${name}: nothing is mounted at ${mount.mountPath}`);
    if (mount.subPath !== undefined)
      faults.push(`${name}: ${mount.mountPath} is a single file, which is never brought up to date`);
  }
  for (const { configMap } of volumes) {
    const ours = configMap === undefined || configMap.name === 'our-routes';
    if (!ours && !manifests.some((one) => one.kind === 'ConfigMap' && one.metadata.name === configMap.name))
      faults.push(`${name}: there is no ConfigMap ${configMap.name}`);
  }
  return faults;
}

/** Services, budgets, policies and monitors select pods that exist, by ports that these have. */
function selectorFaults(manifest: Manifest, loads: readonly Workload[]): string[] {
  const { kind, metadata } = manifest;
  const spec = manifest.spec as {
    selector?: Labels & { matchLabels?: Labels };
    podSelector?: { matchLabels: Labels };
    ports?: readonly Port[];
    podMetricsEndpoints?: readonly Port[];
    scaleTargetRef?: { name: string };
    ingress?: readonly { readonly ports: readonly Port[] }[];
  };
  const faults: string[] = [];
  const fault = (sentence: string): number => faults.push(`${kind} ${metadata.name}: ${sentence}`);
  const chosen = (selector: Labels): Workload[] =>
    loads.filter(({ template }) => matches(selector, template.metadata.labels));
  const has = (pods: readonly Workload[], name: string | number | undefined): boolean =>
    pods.some(({ container }) => container.ports.some((port) => port.name === name));
  if (kind === 'Service') {
    const pods = chosen(spec.selector ?? {});
    if (pods.length !== 1) fault(`selects ${pods.length} workloads`);
    for (const port of spec.ports ?? []) {
      if (port.name === undefined) fault('a port has no name');
      if (!has(pods, port.targetPort)) fault(`port ${port.targetPort} is no port of its pods`);
    }
  }
  if (kind === 'PodDisruptionBudget' && chosen(spec.selector?.matchLabels ?? {}).length !== 1)
    fault('selects not one workload');
  if (kind === 'NetworkPolicy') {
    const pods = chosen(spec.podSelector?.matchLabels ?? {});
    if (pods.length !== 1) fault(`selects ${pods.length} workloads`);
    for (const { ports } of spec.ingress ?? []) {
      for (const { port } of ports)
        if (!has(pods, port)) fault(`lets in port ${port}, which its pods do not have`);
    }
  }
  if (kind === 'PodMonitor') {
    const pods = chosen(spec.selector?.matchLabels ?? {});
    if (pods.length < 2) fault('selects no pods');
    for (const load of pods.filter(({ name }) => !name.endsWith('-redis'))) {
      if (!(spec.podMetricsEndpoints ?? []).some(({ port }) => has([load], port)))
        fault(`never scrapes ${load.name}`);
    }
  }
  if (spec?.scaleTargetRef !== undefined) {
    const target = loads.find(({ name }) => name === spec.scaleTargetRef?.name);
    if (target === undefined) fault('scales what is not there');
    else if (target.manifest.spec?.['replicas'] !== undefined)
      fault('its target also has a number of replicas; each upgrade would reset it');
  }
  return faults;
}

/** The settings that pods get are ones Mailwheel takes, and the ports and times of the pods are those of the settings. */
function settingsFaults(manifests: readonly Manifest[], loads: readonly Workload[]): string[] {
  const yaml = manifests.map(({ data }) => data?.['mailwheel.yaml']).find((text) => text !== undefined);
  if (yaml === undefined) return ['there is no mailwheel.yaml'];
  const faults: string[] = [];
  for (const { name, container, template } of loads.filter(
    ({ container: { name: role } }) => role !== 'redis',
  )) {
    const role = container.name as 'ingress' | 'worker' | 'console';
    const tokens = container.env?.some((one) => one.name === 'MAILWHEEL__INGRESS__HTTP__TOKENS') === true;
    const environment = tokens
      ? { MAILWHEEL__INGRESS__HTTP__TOKENS: `[{name: app, sha256: ${'ab'.repeat(32)}}]` }
      : {};
    const parsed = parseSettings({ yaml, environment });
    if (!parsed.ok) return parsed.problems.map(({ path, message }) => `mailwheel.yaml: ${path}: ${message}`);
    const { settings } = parsed;
    const open = unsafeListeners(settings, role).map(({ path, message }) => `${name}: ${path}: ${message}`);
    faults.push(...open, ...missingFor(role, settings).map(({ message }) => `${name}: ${message}`));
    const words = container.args?.join(' ');
    if (words !== `${role} --config /etc/mailwheel/settings/mailwheel.yaml`)
      faults.push(`${name}: is called as ${words}`);
    const health = container.ports.find((port) => port.name === container.readinessProbe?.httpGet?.port);
    if (health?.containerPort !== settings[role].listen.port)
      faults.push(`${name}: probes ask another port than ${role}.listen`);
    const need = stopSeconds(settings, role) + (container.lifecycle?.preStop?.sleep?.seconds ?? 0);
    const grace = template.spec.terminationGracePeriodSeconds ?? 30;
    if (grace <= need) faults.push(`${name}: is killed after ${grace} s, may need ${need} s to stop`);
    faults.push(...filesNotMounted(yaml, container).map((path) => `${name}: ${path} is not mounted`));
  }
  return faults;
}

/** Drain limit and what the steps after it may take: closing sockets, the upkeep, Redis, the log. */
function stopSeconds(settings: WrittenSettings, role: 'ingress' | 'worker' | 'console'): number {
  const afterwards = 15;
  return (role === 'console' ? 0 : settings[role].drainSeconds) + afterwards;
}

function filesNotMounted(yaml: string, container: Container): string[] {
  const paths = [...yaml.matchAll(/\/etc\/mailwheel\/[\w./-]+/g)].map(([path]) => path);
  // The console's password is only the console's.
  const needed = paths.filter((path) => container.name === 'console' || !path.includes('/console-password/'));
  return needed.filter(
    (path) => !container.volumeMounts.some(({ mountPath }) => path.startsWith(`${mountPath}/`)),
  );
}

function secretFaults(manifests: readonly Manifest[]): string[] {
  return manifests
    .filter(({ kind }) => kind === 'Secret')
    .map(({ metadata }) => `Secret ${metadata.name} is made from plain values`);
}
