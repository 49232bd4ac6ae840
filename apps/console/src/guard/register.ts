/** Every request passes here: headers, login, origin, right, and who is acting. Nothing that carries an address is exempt. */
import { setTimeout } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problem.ts';
import { actAs } from './actor.ts';
import { auditedActor, type AuditedAct } from './audit.ts';
import type { Logins } from './logins.ts';
import { crossOriginProblem, isLocalName, readingMethods } from './same-origin.ts';
import { boardPolicy, ownPolicy, securityHeaders } from './security-headers.ts';
import type { Actor, Visitor } from './visitor.ts';

export interface GuardOptions {
  readonly logins: Logins;
  /** Only this machine reaches the listener. */
  readonly loopback: boolean;
  /** Somebody gave a wrong name or password; `count`: so many times from this address. */
  readonly onRefused: (address: string, count: number) => void;
  /** Acts that were refused before anybody looked at what they are. */
  readonly audit: (act: AuditedAct) => void;
}

/** Paths that say nothing anybody must not know: no login, as on the operations listeners of the other roles. */
const openPaths: ReadonlySet<string> = new Set(['/metrics', '/livez', '/readyz']);
/** Pause before a wrong login is answered: a guesser gets nowhere, a person does not notice. */
const refusedPauseMs = 500;
const auditedPathCharactersMax = 300;

export function registerGuard(app: FastifyInstance, options: GuardOptions): void {
  const { logins } = options;
  const actors = new WeakMap<FastifyRequest, Actor>();
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(securityHeaders(request.url.startsWith('/board') ? boardPolicy : ownPolicy));
    void reply.header('cache-control', 'no-store');
    if (openPaths.has(pathOf(request))) return;
    if (logins.open && options.loopback && !isLocalName(request.headers.host)) {
      throw new Problem(403, 'Without a login the console answers only to localhost and 127.0.0.1.');
    }
    const visitor = await logins.judge({
      address: addressOf(request),
      authorization: request.headers.authorization,
      header: (name) => request.raw.headersDistinct[name] ?? [],
    });
    if (visitor.kind !== 'known') return turnAway(visitor, { request, reply, options });
    const { actor } = visitor;
    const problem = refusal(request, actor);
    if (problem !== undefined) {
      options.audit({
        ...auditedActor(actor),
        act: request.method,
        on: auditedPath(request),
        result: 'refused',
      });
      throw new Problem(403, `Nothing was changed: ${problem}.`);
    }
    actors.set(request, actor);
  });
  app.addHook('preHandler', (request, _reply, done) => {
    const actor = actors.get(request);
    if (actor === undefined) done();
    else actAs(actor, done);
  });
}

function refusal(request: FastifyRequest, actor: Actor): string | undefined {
  const problem = crossOriginProblem(request.method, request.headers);
  if (problem !== undefined) return problem;
  if (readingMethods.has(request.method) || actor.role === 'operator') return undefined;
  return `${actor.name} may look and not act (the role of a viewer)`;
}

async function turnAway(
  visitor: Exclude<Visitor, { kind: 'known' }>,
  of: { readonly request: FastifyRequest; readonly reply: FastifyReply; readonly options: GuardOptions },
): Promise<never> {
  const { request, reply, options } = of;
  switch (visitor.kind) {
    case 'busy':
      void reply.header('retry-after', '1');
      throw new Problem(429, 'Too many logins are being checked. Try again in a moment.');
    case 'slowed': {
      const seconds = Math.ceil(visitor.waitMs / 1000);
      void reply.header('retry-after', String(seconds));
      throw new Problem(429, `Too many wrong logins came from your address. Try again in ${seconds} s.`);
    }
    case 'refused':
      options.onRefused(addressOf(request), visitor.count);
      await setTimeout(refusedPauseMs);
      break;
    case 'unknown':
      break;
  }
  if (!options.logins.byPassword)
    throw new Problem(403, 'The console is reached through its proxy (setting console.proxy).');
  void reply.header('www-authenticate', 'Basic realm="Mailwheel", charset="UTF-8"');
  throw new Problem(401, 'The console needs a login (settings console.users and console.login).');
}

function addressOf(request: FastifyRequest): string {
  return request.socket.remoteAddress ?? '';
}

function auditedPath(request: FastifyRequest): string {
  return pathOf(request).slice(0, auditedPathCharactersMax);
}

function pathOf(request: FastifyRequest): string {
  return request.url.replace(/\?.*$/, '');
}
