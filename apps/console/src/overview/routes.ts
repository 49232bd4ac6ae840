/** `/` and what it refreshes from. */
import type { FastifyInstance } from 'fastify';
import { page, section } from '../html/layout.ts';
import { html } from '../html/markup.ts';
import { instant } from '../html/words.ts';
import type { Overview, SharedReader } from './collect.ts';
import { overviewSections } from './sections.ts';

export interface OverviewContext {
  readonly hostname: string;
  readonly overview: SharedReader<Overview>;
}

export function registerOverview(app: FastifyInstance, context: OverviewContext): void {
  app.get('/', async (_request, reply) => {
    const overview = await context.overview.read();
    const frame = {
      title: 'Overview',
      at: '/',
      hostname: context.hostname,
      refreshFrom: '/api/overview',
    };
    const body = html`<div class="title">
        <h1>Overview</h1>
        <p class="quiet refresh">
          As of <span data-section="asOf">${instant(overview.nowMs)}</span>
          <label
            ><input type="checkbox" id="refresh" checked hidden />
            <span class="label" hidden>refresh by itself</span></label
          >
        </p>
      </div>
      ${overviewSections.map(({ name, heading, render }) => section(name, heading, render(overview)))}`;
    return reply.type('text/html; charset=utf-8').send(page(frame, body));
  });
  app.get('/api/overview', async () => {
    const overview = await context.overview.read();
    return {
      overview,
      // Rendered here as on the page, so that nothing is drawn in two languages.
      sections: {
        asOf: instant(overview.nowMs),
        ...Object.fromEntries(
          overviewSections.map(({ name, render }) => [name, render(overview).toString()]),
        ),
      },
    };
  });
}
