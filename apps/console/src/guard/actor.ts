/**
 * Who is acting, for the audit. bull-board hands its requests on without the login, so the name travels beside them, from the
 * request to whatever it causes.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { withoutLogin } from './login.ts';

const acting = new AsyncLocalStorage<string>();

/** Runs the rest of a request in the name of `actor`. */
export function actAs<T>(actor: string, run: () => T): T {
  return acting.run(actor, run);
}

export function currentActor(): string {
  return acting.getStore() ?? withoutLogin;
}
