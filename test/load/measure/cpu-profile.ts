/**
 * Where a process's CPU went, from what `node --cpu-prof` wrote: self time by module. What runs inside Node (sockets,
 * timers, buffers) counts for whoever called it.
 */
import { readFileSync } from 'node:fs';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** Microseconds of the monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface CpuShare {
  readonly name: string;
  readonly microseconds: number;
}

export interface CpuUse {
  /** By module, largest first. */
  readonly modules: readonly CpuShare[];
  /** Functions by self time, largest first, `name file:line`. */
  readonly functions: readonly CpuShare[];
  readonly busyMicroseconds: number;
  readonly idleMicroseconds: number;
}

/** From and to are moments of CLOCK_MONOTONIC in microseconds (`process.hrtime`); samples outside do not count. */
export function readCpuProfile(path: string, from: number, to: number): CpuUse {
  const profile = JSON.parse(readFileSync(path, 'utf8')) as Profile;
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map<number, number>();
  for (const node of profile.nodes) for (const child of node.children ?? []) parents.set(child, node.id);
  const modules = new Map<string, number>();
  const functions = new Map<string, number>();
  let idle = 0;
  let atUs = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    const delta = profile.timeDeltas[index] ?? 0;
    atUs += delta;
    // A sample stands for the time until the next one.
    const lasts = profile.timeDeltas[index + 1] ?? 0;
    const node = nodes.get(id);
    if (node === undefined || atUs < from || atUs > to) continue;
    if (node.callFrame.functionName === '(idle)') {
      idle += lasts;
      continue;
    }
    add(functions, functionOf(node), lasts);
    add(modules, moduleOf(node, { nodes, parents }), lasts);
  }
  const shares = sorted(modules);
  const busy = shares.reduce((sum, share) => sum + share.microseconds, 0);
  return { modules: shares, functions: sorted(functions), busyMicroseconds: busy, idleMicroseconds: idle };
}

function add(to: Map<string, number>, key: string, microseconds: number): void {
  to.set(key, (to.get(key) ?? 0) + microseconds);
}

function sorted(by: ReadonlyMap<string, number>): CpuShare[] {
  return [...by]
    .map(([name, microseconds]) => ({ name, microseconds }))
    .toSorted((a, b) => b.microseconds - a.microseconds);
}

function functionOf({ callFrame }: ProfileNode): string {
  const { functionName, url, lineNumber } = callFrame;
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name} ${shortUrl(url)}:${lineNumber + 1}`;
}

function shortUrl(url: string): string {
  return url.replace(/^file:\/\//, '').replace(/^.*\/(?=(?:node_modules|packages|apps)\/)/, '');
}

interface Tree {
  readonly nodes: ReadonlyMap<number, ProfileNode>;
  readonly parents: ReadonlyMap<number, number>;
}

function moduleOf(node: ProfileNode, tree: Tree): string {
  const { functionName, url } = node.callFrame;
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (functionName === '(program)') return 'native code outside of JavaScript';
  for (let at: ProfileNode | undefined = node; at !== undefined; at = parentOf(at, tree)) {
    const named = moduleOfUrl(at.callFrame.url);
    if (named !== undefined) return named;
  }
  return url.startsWith('node:') || url === '' ? 'node: sockets, event loop' : url;
}

function parentOf(node: ProfileNode, { nodes, parents }: Tree): ProfileNode | undefined {
  const id = parents.get(node.id);
  return id === undefined ? undefined : nodes.get(id);
}

function moduleOfUrl(url: string): string | undefined {
  const library = /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (library !== undefined) return library;
  const own = /\/(packages|apps)\/([^/]+)\/src\/(?:([^/]+)\/)?/.exec(url);
  if (own === null) return undefined;
  const [, kind, name = '', folder] = own;
  return kind === 'apps' && folder !== undefined ? `apps/${name} ${folder}` : `${kind}/${name}`;
}
