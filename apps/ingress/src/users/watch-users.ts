/** Keeps the users in force as the file has them. */
import type { Report } from '../events.ts';
import { WatchedFiles } from '../files/watched-files.ts';
import type { UserPasswords } from './user-passwords.ts';
import { parseUsers } from './users-file.ts';

/** Takes the users now and at each change; rejects on `start` if the file cannot be used, with its lines. */
export function watchUsers(
  file: string,
  options: { readonly intervalMs: number; readonly passwords: UserPasswords; readonly report: Report },
): WatchedFiles {
  const what = `ingress.smtp.usersFile (${file})`;
  return new WatchedFiles({
    files: [file],
    intervalMs: options.intervalMs,
    take: ([text = '']) => {
      const parsed = parseUsers(text);
      if (!parsed.ok) throw new Error(`${what} cannot be used:\n  ${parsed.problems.join('\n  ')}`);
      options.passwords.replaceUsers(parsed.users);
    },
    onChange: (fault) => options.report({ kind: 'file-changed', what, fault }),
  });
}
