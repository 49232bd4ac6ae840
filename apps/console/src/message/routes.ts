/** `/messages/<id>`. */
import { parseMessageId } from '@mailwheel/envelope';
import type { FastifyInstance } from 'fastify';
import { page } from '../html/layout.ts';
import { Problem } from '../problem.ts';
import { collectMessage, type MessageSources, type MessageStatus } from './collect.ts';
import { messagePage } from './page.ts';

export interface MessageContext {
  readonly hostname: string;
  readonly messages: MessageSources;
  readonly nowMs: () => number;
}

interface ById {
  readonly Params: { readonly id: string };
}

export function registerMessages(app: FastifyInstance, context: MessageContext): void {
  app.get<ById>('/messages/:id', async (request, reply) => {
    const { id } = request.params;
    const message = await find(context, id);
    const frame = { title: `Message ${id}`, at: '', hostname: context.hostname, query: id };
    return reply.type('text/html; charset=utf-8').send(page(frame, messagePage(message, context.nowMs())));
  });
  app.get<ById>('/api/messages/:id', async (request) => find(context, request.params.id));
}

async function find(context: MessageContext, text: string): Promise<MessageStatus> {
  const id = parseMessageId(text);
  const message = id === undefined ? undefined : await collectMessage(context.messages, id);
  if (message === undefined) {
    throw new Problem(404, `There is no message ${text}: it was never here, or its record has run out.`);
  }
  return message;
}
