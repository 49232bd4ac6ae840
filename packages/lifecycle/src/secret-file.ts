/** Passwords come from files (Docker and Kubernetes secrets, or a file of mode 0600), never from argv. */
import { readFile } from 'node:fs/promises';
import { describeFileError } from './configuration.ts';

/** The first line of `path` without its line end. Rejects with a sentence that names `setting` and the file. */
export async function readSecretFile(setting: string, path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`${setting}: ${path} cannot be read: ${describeFileError(error)}`, { cause: error });
  }
  const [secret = ''] = text.split(/\r?\n/, 1);
  if (secret === '')
    throw new Error(`${setting}: the first line of ${path} is empty; it must hold the secret`);
  return secret;
}
