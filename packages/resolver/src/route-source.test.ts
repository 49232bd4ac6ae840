import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatRoutes } from '@mailwheel/routing';
import { waitFor } from '@mailwheel/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openRouteSource, RoutesUnusableError, type RouteSource } from './route-source.ts';
import type { RoutesEvent } from './types.ts';

let folder: string;
let file: string;
let events: RoutesEvent[];
let source: RouteSource | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailwheel-routes-'));
  file = join(folder, 'routes');
  events = [];
  source = undefined;
});
afterEach(async () => {
  await source?.close();
  await rm(folder, { recursive: true, force: true });
});

const open = async (text: string): Promise<RouteSource> => {
  await writeFile(file, text);
  source = await openRouteSource({ file, reloadSeconds: 0.02 }, (event) => events.push(event));
  return source;
};
const inForce = (of: RouteSource) => formatRoutes(of.current());
const event = (count: number) => waitFor(`event ${count}`, () => events[count - 1]);
const looks = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 25 + 110));

describe('at the start', () => {
  test('no origin is an empty table, inline text is taken as it is', async () => {
    expect((await openRouteSource(undefined, () => undefined)).current().routes).toEqual([]);
    expect(inForce(await openRouteSource({ text: 'ALL a' }, () => undefined))).toBe('ALL  a\n');
  });

  test('bad routes stop it, with every line and column', async () => {
    const text = 'example.com 10.0.0.1:x\nALL';
    const inline = openRouteSource({ text }, () => undefined);
    await expect(inline).rejects.toThrow('routes: line 1, column 22: port "x"');
    await expect(inline).rejects.toThrow('routes: line 2, column 4: the destination');
    await writeFile(file, text);
    const watched = openRouteSource({ file }, () => undefined);
    await expect(watched).rejects.toThrow(`${file}: line 1, column 22`);
    await expect(watched).rejects.toMatchObject({ code: 'ROUTES_UNUSABLE', errors: { length: 2 } });
  });

  test('a file that is not there, or is none, stops it', async () => {
    await expect(openRouteSource({ file }, () => undefined)).rejects.toThrow(RoutesUnusableError);
    await expect(openRouteSource({ file }, () => undefined)).rejects.toThrow(`${file} cannot be read`);
    await expect(openRouteSource({ file: folder }, () => undefined)).rejects.toThrow(
      `${folder} is not a file`,
    );
  });
});

describe('a file that changes', () => {
  test('is taken', async () => {
    const routes = await open('ALL a');
    await writeFile(file, 'ALL b\nexample.com c');
    expect(await event(1)).toEqual({ kind: 'loaded', file, routes: 2 });
    expect(inForce(routes)).toBe('ALL  b\nexample.com  c\n');
  });

  test('is taken when only its content differs: same size, same modification time', async () => {
    await writeFile(file, 'ALL a');
    await utimes(file, 1, 1);
    source = await openRouteSource({ file, reloadSeconds: 0.2 }, (one) => events.push(one));
    const routes = source;
    await writeFile(file, 'ALL b');
    await utimes(file, 1, 1);
    await event(1);
    expect(inForce(routes)).toBe('ALL  b\n');
  });

  test('is taken when another is renamed over it', async () => {
    const routes = await open('ALL a');
    await writeFile(`${file}.new`, 'ALL b');
    await rename(`${file}.new`, file);
    await event(1);
    expect(inForce(routes)).toBe('ALL  b\n');
  });

  test('is taken when a ConfigMap swaps its symlink', async () => {
    // What the kubelet does: routes -> ..data/routes, ..data -> ..<version>, swapped by rename.
    const versions = { one: 'ALL a', two: 'ALL b' };
    for (const [version, text] of Object.entries(versions)) {
      await mkdir(join(folder, `..${version}`));
      await writeFile(join(folder, `..${version}`, 'routes'), text);
      await utimes(join(folder, `..${version}`, 'routes'), 1, 1);
    }
    await symlink('..one', join(folder, '..data'));
    await symlink('..data/routes', file);
    source = await openRouteSource({ file, reloadSeconds: 0.02 }, (one) => events.push(one));
    expect(inForce(source)).toBe('ALL  a\n');
    await symlink('..two', join(folder, '..tmp'));
    await rename(join(folder, '..tmp'), join(folder, '..data'));
    await event(1);
    expect(inForce(source)).toBe('ALL  b\n');
  });

  test('is not taken half written', async () => {
    const routes = await open('ALL a\nexample.com b\n');
    let text = '';
    for (let n = 0; n < 12; n++) {
      text += `domain${n}.example c\n`;
      await writeFile(file, text);
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(routes.current().routes).toHaveLength(2);
    }
    expect(await event(1)).toMatchObject({ routes: 12 });
  });

  test('is no news when its content is the same', async () => {
    const routes = await open('ALL a');
    const table = routes.current();
    await writeFile(file, 'ALL a');
    await looks(4);
    expect(events).toEqual([]);
    expect(routes.current()).toBe(table);
  });
});

describe('a file that is at fault', () => {
  test('leaves the old table in force, is reported once with line and column, and its repair is reported', async () => {
    const routes = await open('ALL a');
    await writeFile(file, 'ALL b\nexample.com 10.0.0.1/pri=70000');
    expect(await event(1)).toEqual({
      kind: 'refused',
      file,
      errors: [{ line: 2, column: 26, message: 'priority "70000" is not between 0 and 65535' }],
      message: `${file}: line 2, column 26: priority "70000" is not between 0 and 65535\nThe old table stays in force.`,
    });
    await looks(4);
    expect(events).toHaveLength(1);
    expect(inForce(routes)).toBe('ALL  a\n');
    await writeFile(file, 'ALL a');
    expect(await event(2)).toEqual({ kind: 'loaded', file, routes: 1 });
  });

  test('may vanish and come back', async () => {
    await mkdir(join(folder, 'mounted'));
    file = join(folder, 'mounted', 'routes');
    const routes = await open('ALL a');
    await rename(join(folder, 'mounted'), join(folder, 'away'));
    expect(await event(1)).toMatchObject({ kind: 'refused', errors: [] });
    await looks(4);
    expect(events).toHaveLength(1);
    expect(inForce(routes)).toBe('ALL  a\n');
    await rename(join(folder, 'away'), join(folder, 'mounted'));
    expect(await event(2)).toMatchObject({ kind: 'loaded' });
  });

  test('is refused unread when it is huge', async () => {
    const routes = await open('ALL a');
    await writeFile(file, Buffer.alloc(17 * 1024 * 1024, '#'));
    expect(await event(1)).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('larger than 16777216 bytes'),
    });
    expect(inForce(routes)).toBe('ALL  a\n');
  });
});

test('after close nothing is looked at', async () => {
  const routes = await open('ALL a');
  await routes.close();
  await writeFile(file, 'ALL b');
  await looks(4);
  expect(events).toEqual([]);
  expect(inForce(routes)).toBe('ALL  a\n');
});
