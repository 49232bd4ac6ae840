/** `/metrics`, `/livez` and `/readyz` on the console's own listener, as the other roles have them on theirs. */
import type { MetricRegistry, Readiness } from '@mailwheel/telemetry';
import type { FastifyInstance } from 'fastify';

export interface OperationsContext {
  readonly registry: MetricRegistry;
  /** Its reasons are our own words: they carry no address. */
  readonly readiness: () => Readiness;
}

const plain = 'text/plain; charset=utf-8';

export function registerOperations(app: FastifyInstance, { registry, readiness }: OperationsContext): void {
  app.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.text()),
  );
  app.get('/livez', async (_request, reply) => reply.type(plain).send('ok\n'));
  app.get('/readyz', async (_request, reply) => {
    const { ready, reasons } = readiness();
    return ready
      ? reply.type(plain).send('ready\n')
      : reply
          .code(503)
          .type(plain)
          .send(`not ready: ${reasons.join('; ')}\n`);
  });
}
