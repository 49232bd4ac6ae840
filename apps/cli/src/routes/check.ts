/** `mailwheel routes check FILE`. */
import { readFile } from 'node:fs/promises';
import { describeFileError } from '@mailwheel/lifecycle';
import { formatRouteError, parseRoutes } from '@mailwheel/routing';
import { CommandFailure, type Invocation } from '../command.ts';

/** Exit code 1 and every fault with its line and column when the table would be refused. */
export async function checkRoutes(call: Invocation): Promise<number> {
  const file = call.values[0] ?? '';
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CommandFailure(`${file} cannot be read: ${describeFileError(error)}`, { cause: error });
  });
  const result = parseRoutes(text);
  if (call.options.json === true) {
    call.output.json(result.ok ? { ok: true, routes: result.table.routes.length } : result);
  } else if (result.ok) {
    call.output.text(`${file}: ${result.table.routes.length} routes, all good.`);
  } else {
    for (const error of result.errors) call.errors.text(`${file}: ${formatRouteError(error)}`);
  }
  return result.ok ? 0 : 1;
}
