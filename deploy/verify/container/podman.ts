/** Containers of the image under test, as a cluster would run them: no root, nothing writable, no capabilities. */
import { run, type Ran } from '../report.ts';

export const image = 'localhost/mailwheel:verify';

const hardened = [
  '--no-healthcheck',
  '--read-only',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
  '--user=1000:1000',
  '--memory=512m',
];

export interface ContainerOptions {
  readonly name: string;
  /** Mounted read-only as /etc/mailwheel. */
  readonly configFolder: string;
  readonly words: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Podman {
  start(options: ContainerOptions): Promise<void>;
  /** Sends SIGTERM and waits; the exit code and how long it took. */
  stop(name: string, limitSeconds: number): Promise<{ readonly code: number; readonly seconds: number }>;
  logs(name: string): Promise<string>;
  run(words: readonly string[], mayFail?: boolean): Promise<Ran>;
  removeAll(): Promise<void>;
}

/** `workFolder` is where build.sh put its storage. */
export function createPodman(workFolder: string): Podman {
  const started: string[] = [];
  const environment = {
    CONTAINERS_STORAGE_CONF: `${workFolder}/storage.conf`,
    CONTAINERS_CONF: `${workFolder}/containers.conf`,
  };
  const podman = (words: readonly string[], mayFail = false): Promise<Ran> =>
    run('podman', words, { environment, mayFail, limitMs: 120_000 });
  return {
    run: podman,
    start: async ({ name, configFolder, words, environment: own = {} }) => {
      await podman(['rm', '--force', '--ignore', name], true);
      started.push(name);
      const variables = Object.entries(own).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
      const mount = ['--volume', `${configFolder}:/etc/mailwheel:ro`];
      await podman(['run', '--detach', '--name', name, ...hardened, ...mount, ...variables, image, ...words]);
    },
    stop: async (name, limitSeconds) => {
      const startedMs = performance.now();
      await podman(['stop', '--time', String(limitSeconds), name]);
      const seconds = (performance.now() - startedMs) / 1000;
      const { stdout } = await podman(['inspect', '--format', '{{.State.ExitCode}}', name]);
      return { code: Number(stdout), seconds };
    },
    logs: async (name) => (await podman(['logs', name], true)).all,
    removeAll: async () => {
      for (const name of started) await podman(['rm', '--force', '--ignore', name], true);
    },
  };
}
