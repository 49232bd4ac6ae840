/** A tier of containers over a real Redis and one scripted destination host, all on loopback of this machine. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, smtpSubmit, startRedis, startSmtpHost, waitFor, type SmtpHost } from '@mailwheel/testkit';
import { stringify } from 'yaml';
import type { Podman } from './podman.ts';

export type RoleName = 'ingress' | 'worker' | 'console';

export interface RunningRole {
  readonly role: RoleName;
  readonly name: string;
  /** Where /livez, /readyz and /metrics are. */
  readonly listenPort: number;
  readonly smtpPort: number;
}

export interface Stage {
  readonly host: SmtpHost;
  startRole(role: RoleName): Promise<RunningRole>;
  ready(role: RunningRole): Promise<void>;
  isReady(role: RunningRole): Promise<boolean>;
  /** The final reply line. */
  submit(smtpPort: number, subject: string): Promise<string>;
  close(): Promise<void>;
}

export async function openStage(podman: Podman): Promise<Stage> {
  const redis = await startRedis({});
  const host = await startSmtpHost();
  const folder = await mkdtemp(join(tmpdir(), 'mailwheel-containers-'));
  await chmod(folder, 0o755);
  const settings = {
    hostname: 'relay.test',
    redis: { url: redis.url },
    ingress: { drainSeconds: 5, smtp: { trustedNetworks: ['127.0.0.0/8'] }, http: { insecure: true } },
    worker: { drainSeconds: 10 },
    retry: { firstWaitSeconds: 1, longestWaitSeconds: 2 },
    routesFile: 'routes.txt',
    log: { format: 'json' },
  };
  await writeFile(join(folder, 'mailwheel.yaml'), stringify(settings));
  await writeFile(join(folder, 'routes.txt'), `example.com 127.0.0.1:${host.port}\n`);
  let count = 0;
  const isReady = async ({ listenPort }: RunningRole): Promise<boolean> => {
    const answer = await fetch(`http://127.0.0.1:${listenPort}/readyz`).catch(() => undefined);
    return answer?.status === 200;
  };
  return {
    host,
    isReady,
    startRole: async (role) => {
      count += 1;
      const [listenPort, smtpPort, httpPort] = [await freePort(), await freePort(), await freePort()];
      const name = `mailwheel-verify-${role}-${count}`;
      await podman.start({
        name,
        configFolder: folder,
        words: [role, '--config', '/etc/mailwheel/mailwheel.yaml'],
        environment: {
          [`MAILWHEEL__${role.toUpperCase()}__LISTEN`]: `127.0.0.1:${listenPort}`,
          MAILWHEEL__INGRESS__SMTP__LISTEN: `127.0.0.1:${smtpPort}`,
          MAILWHEEL__INGRESS__HTTP__LISTEN: `127.0.0.1:${httpPort}`,
        },
      });
      return { role, name, listenPort, smtpPort };
    },
    ready: async (role) => {
      try {
        await waitFor(`${role.name} to be ready`, () => isReady(role), 30_000);
      } catch (cause) {
        throw new Error(`${role.name} is not ready:\n${(await podman.logs(role.name)).slice(-2000)}`, {
          cause,
        });
      }
    },
    submit: async (smtpPort, subject) => {
      const body = `Subject: ${subject}\r\nFrom: a@source.test\r\n\r\nHello\r\n`;
      const replies = await smtpSubmit({ port: smtpPort, from: 'a@source.test', to: 'b@example.com', body });
      return (replies.final ?? replies.data ?? replies.mail).line;
    },
    close: async () => {
      await podman.removeAll();
      await host.stop();
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
