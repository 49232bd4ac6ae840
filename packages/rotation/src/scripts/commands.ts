/** The scripts as commands of an ioredis client: EVALSHA, and EVAL again where Redis has forgotten them. */
import type { Cluster, Redis } from 'ioredis';
import { closeScript, openScript, renewScript } from './open.ts';
import { pickScript } from './pick.ts';
import { releaseScript } from './release.ts';
import { reportScript } from './report.ts';

type Argument = string | number;

/** Each takes the number of its keys, the keys, then the arguments. */
export interface RotationCommands {
  mwPick(keys: number, ...rest: readonly Argument[]): Promise<readonly (number | string)[]>;
  mwReport(keys: number, ...rest: readonly Argument[]): Promise<readonly (number | string)[]>;
  mwOpen(keys: number, ...rest: readonly Argument[]): Promise<number>;
  mwClose(keys: number, ...rest: readonly Argument[]): Promise<number>;
  mwRenew(keys: number, ...rest: readonly Argument[]): Promise<number>;
  mwRelease(keys: number, ...rest: readonly Argument[]): Promise<readonly string[]>;
}

/** Defines the commands on the client (again does no harm) and gives it a type that knows them. */
export function withCommands<Client extends Redis | Cluster>(client: Client): Client & RotationCommands {
  client.defineCommand('mwPick', { lua: pickScript });
  client.defineCommand('mwReport', { lua: reportScript });
  client.defineCommand('mwOpen', { lua: openScript });
  client.defineCommand('mwClose', { lua: closeScript });
  client.defineCommand('mwRenew', { lua: renewScript });
  client.defineCommand('mwRelease', { lua: releaseScript });
  return client as Client & RotationCommands;
}
