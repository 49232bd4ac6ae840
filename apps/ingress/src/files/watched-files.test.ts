/** Files that change under the program: in place, by symlink swap, to something unusable, and away. */
import { waitFor } from '@mailwheel/testkit';
import { appendFileSync } from 'node:fs';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WatchedFiles } from './watched-files.ts';

let folder: string;
let watched: WatchedFiles | undefined;
let taken: (readonly string[])[];
let changes: (string | undefined)[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailwheel-files-'));
  taken = [];
  changes = [];
});
afterEach(async () => {
  await watched?.close();
  await rm(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);

async function watch(...names: readonly string[]): Promise<void> {
  watched = new WatchedFiles({
    files: names.map(at),
    intervalMs: 10,
    take: (texts) => {
      if (texts.some((text) => text.includes('bad'))) throw new Error('line 1: bad');
      taken.push(texts);
    },
    onChange: (fault) => changes.push(fault?.message),
  });
  await watched.start();
}

test('a file written anew is taken whole, with the others', async () => {
  await writeFile(at('a'), 'a1');
  await writeFile(at('b'), 'b1');
  await watch('a', 'b');
  await writeFile(at('b'), 'b2');
  await waitFor('the change', () => taken.length === 2);
  expect(taken).toEqual([
    ['a1', 'b1'],
    ['a1', 'b2'],
  ]);
  expect(changes).toEqual([undefined]);
});

test('a symlink that comes to point elsewhere is a change, though neither file has changed', async () => {
  await writeFile(at('old'), 'same');
  await writeFile(at('new'), 'diff');
  await symlink('old', at('link'));
  await watch('link');
  await symlink('new', at('next'));
  await rename(at('next'), at('link'));
  await waitFor('the swap', () => taken.length === 2);
  expect(taken[1]).toEqual(['diff']);
});

test('what cannot be used, or is gone, is told once and does not take the old away; when it is good again it is taken', async () => {
  await writeFile(at('a'), 'good');
  await watch('a');
  await writeFile(at('a'), 'bad');
  await waitFor('the refusal', () => changes.length === 1);
  await rm(at('a'));
  await waitFor('the absence', () => changes.length === 2);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await writeFile(at('a'), 'better');
  await waitFor('the new one', () => taken.length === 2);
  expect(taken).toEqual([['good'], ['better']]);
  expect(changes).toEqual(['line 1: bad', expect.stringContaining('ENOENT'), undefined]);
});

test('a file that is still being written is not taken until it stands still', async () => {
  await writeFile(at('a'), 'old');
  await watch('a');
  let text = 'old';
  for (let part = 0; part < 20; part++) {
    text += `${part}\n`;
    appendFileSync(at('a'), `${part}\n`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await waitFor('the whole', () => taken.length > 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(taken).toEqual([['old'], [text]]);
});

test('an empty file is one that is about to be written, and is not taken', async () => {
  await writeFile(at('a'), 'old');
  await watch('a');
  await writeFile(at('a'), '');
  await waitFor('the refusal', () => changes.length === 1);
  expect(changes[0]).toMatch(/is empty$/);
  await writeFile(at('a'), 'new');
  await waitFor('the change', () => taken.length === 2);
  expect(taken).toEqual([['old'], ['new']]);
});

test('a start without the file fails', async () => {
  await expect(watch('nothing')).rejects.toThrow('ENOENT');
});
