/** `mailwheel version`. */
import { readFile } from 'node:fs/promises';
import type { Invocation } from './command.ts';

export async function printVersion(call: Invocation): Promise<number> {
  const version = await ownVersion();
  if (call.options.json === true) call.output.json({ mailwheel: version, node: process.versions.node });
  else call.output.text(`mailwheel ${version} (Node ${process.versions.node})`);
  return 0;
}

/** Version of this program, from its package. */
export async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
