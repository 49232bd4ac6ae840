/** Our own files for the browser: read once at the start, told apart by their digest. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';

const types = {
  'console.css': 'text/css; charset=utf-8',
  'console.js': 'text/javascript; charset=utf-8',
  'board.css': 'text/css; charset=utf-8',
  'board-viewer.css': 'text/css; charset=utf-8',
  'mailwheel.svg': 'image/svg+xml',
} as const;

export async function registerAssets(app: FastifyInstance): Promise<void> {
  for (const [name, type] of Object.entries(types)) {
    const content = await readFile(new URL(`./assets/${name}`, import.meta.url));
    const tag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 16)}"`;
    app.get(`/assets/${name}`, async (request, reply) => {
      void reply.header('cache-control', 'no-cache').header('etag', tag);
      return request.headers['if-none-match'] === tag
        ? reply.code(304).send()
        : reply.type(type).send(content);
    });
  }
}
