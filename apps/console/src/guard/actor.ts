/**
 * Who is acting, for the audit. bull-board hands its requests on without the login, so the name travels beside them, from the
 * request to whatever it causes.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Actor } from './visitor.ts';

const acting = new AsyncLocalStorage<Actor>();

/** Where nobody must log in: only this machine reaches the console, or the settings say `insecure`. */
export const anybody: Actor = { name: 'console', role: 'operator', via: 'open' };

/** Runs the rest of a request in the name of `actor`. */
export function actAs<T>(actor: Actor, run: () => T): T {
  return acting.run(actor, run);
}

/** Outside any request, which nothing acts in, a name that says so and may nothing. */
export function currentActor(): Actor {
  return acting.getStore() ?? { name: 'nobody', role: 'viewer', via: 'open' };
}
