/** Where the search box leads: a message id to its page, anything else that is a domain to its queue. */
import { destinationKey, parseJobId, parseMessageId } from '@mailwheel/envelope';
import type { FastifyInstance } from 'fastify';
import { queuePath } from './overview/sections.ts';
import { Problem } from './problem.ts';

/** A path, or a sentence that says why there is none. */
export type SearchResult =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'nothing'; readonly sentence: string };

/** Takes `m00…`, a job's id, `Example.com.`, `user@example.com`, `[192.0.2.1]`, `192.0.2.1`. */
export function whereTo(query: string): SearchResult {
  const text = query.trim();
  if (text === '') return { kind: 'path', path: '/' };
  const id = parseMessageId(text) ?? parseJobId(text)?.messageId;
  if (id !== undefined) return { kind: 'path', path: `/messages/${id}` };
  const domain = text.slice(text.lastIndexOf('@') + 1);
  for (const written of [domain, `[${domain}]`, `[IPv6:${domain}]`]) {
    const key = destinationKey(written);
    if (key.ok) return { kind: 'path', path: queuePath(key.key) };
  }
  return { kind: 'nothing', sentence: `"${text}" is neither a message id nor a domain.` };
}

export function registerSearch(app: FastifyInstance): void {
  app.get<{ Querystring: { readonly q?: string | string[] } }>('/search', async (request, reply) => {
    const { q } = request.query;
    const found = whereTo(typeof q === 'string' ? q : '');
    if (found.kind === 'nothing') throw new Problem(400, found.sentence);
    return reply.redirect(found.path, 303);
  });
}
