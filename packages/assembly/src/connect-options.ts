/** From settings to the values the queue package connects with; secrets and certificates are read from their files here. */
import { readFile } from 'node:fs/promises';
import { readSecretFile } from '@mailwheel/lifecycle';
import type { ConnectOptions, RedisTls } from '@mailwheel/queue';
import type { RedisSettings, RedisTlsSettings } from '@mailwheel/settings';

/** Rejects with a sentence that names the setting whose file cannot be read. */
export async function connectOptions(
  settings: RedisSettings,
  connectionName: string,
): Promise<ConnectOptions> {
  const tls = settings.tls === undefined ? undefined : await tlsValues(settings.tls);
  return {
    ...(settings.url === undefined ? {} : { url: settings.url }),
    ...(settings.sentinel === undefined ? {} : { sentinel: await sentinelValues(settings.sentinel, tls) }),
    ...(settings.cluster === undefined ? {} : { cluster: { nodes: settings.cluster.addresses } }),
    ...(settings.username === undefined ? {} : { username: settings.username }),
    ...(settings.passwordFile === undefined
      ? {}
      : { password: await readSecretFile('redis.passwordFile', settings.passwordFile) }),
    ...(tls === undefined ? {} : { tls }),
    commandTimeoutMs: settings.commandTimeoutMs,
    connectionName,
  };
}

async function sentinelValues(
  sentinel: NonNullable<RedisSettings['sentinel']>,
  tls: RedisTls | undefined,
): Promise<NonNullable<ConnectOptions['sentinel']>> {
  return {
    sentinels: sentinel.addresses,
    name: sentinel.name,
    ...(sentinel.username === undefined ? {} : { username: sentinel.username }),
    ...(sentinel.passwordFile === undefined
      ? {}
      : { password: await readSecretFile('redis.sentinel.passwordFile', sentinel.passwordFile) }),
    ...(tls === undefined ? {} : { tls }),
  };
}

async function tlsValues(settings: RedisTlsSettings): Promise<RedisTls> {
  return {
    ...(settings.caFile === undefined ? {} : { ca: await pem('redis.tls.caFile', settings.caFile) }),
    ...(settings.certificateFile === undefined
      ? {}
      : { cert: await pem('redis.tls.certificateFile', settings.certificateFile) }),
    ...(settings.keyFile === undefined ? {} : { key: await pem('redis.tls.keyFile', settings.keyFile) }),
    ...(settings.serverName === undefined ? {} : { serverName: settings.serverName }),
  };
}

async function pem(setting: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`${setting}: ${path} cannot be read`, { cause: error });
  }
}
