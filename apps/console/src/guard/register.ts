/** Every request passes here: headers, login, origin, and who is acting. Nothing that carries an address is exempt. */
import { setTimeout } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { actAs } from './actor.ts';
import { visitorOf, type Login } from './login.ts';
import { crossOriginProblem, isLocalName } from './same-origin.ts';
import { boardPolicy, ownPolicy, securityHeaders } from './security-headers.ts';
import { Problem } from '../problem.ts';

export interface GuardOptions {
  readonly login: Login | undefined;
  /** Only this machine reaches the listener. */
  readonly loopback: boolean;
  /** Somebody gave a wrong name or password. */
  readonly onRefused: (address: string) => void;
}

/** Paths that say nothing anybody must not know: no login, as on the operations listeners of the other roles. */
const openPaths: ReadonlySet<string> = new Set(['/metrics', '/livez', '/readyz']);
/** Pause before a wrong login is answered: a guesser gets nowhere, a person does not notice. */
const refusedPauseMs = 500;

export function registerGuard(app: FastifyInstance, options: GuardOptions): void {
  const actors = new WeakMap<FastifyRequest, string>();
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(securityHeaders(request.url.startsWith('/board') ? boardPolicy : ownPolicy));
    void reply.header('cache-control', 'no-store');
    if (openPaths.has(pathOf(request))) return;
    if (options.login === undefined && options.loopback && !isLocalName(request.headers.host)) {
      throw new Problem(403, 'Without a login the console answers only to localhost and 127.0.0.1.');
    }
    const visitor = visitorOf(options.login, request.headers.authorization);
    if (visitor.kind !== 'known') return askForLogin(visitor.kind, { request, reply, options });
    const problem = crossOriginProblem(request.method, request.headers);
    if (problem !== undefined) throw new Problem(403, `Nothing was changed: ${problem}.`);
    actors.set(request, visitor.name);
  });
  app.addHook('preHandler', (request, _reply, done) => {
    const actor = actors.get(request);
    if (actor === undefined) done();
    else actAs(actor, done);
  });
}

async function askForLogin(
  kind: 'unknown' | 'refused',
  of: { readonly request: FastifyRequest; readonly reply: FastifyReply; readonly options: GuardOptions },
): Promise<never> {
  if (kind === 'refused') {
    of.options.onRefused(of.request.socket.remoteAddress ?? '');
    await setTimeout(refusedPauseMs);
  }
  void of.reply.header('www-authenticate', 'Basic realm="Mailwheel", charset="UTF-8"');
  throw new Problem(401, 'The console needs its login (setting console.login).');
}

function pathOf(request: FastifyRequest): string {
  return request.url.replace(/\?.*$/, '');
}
