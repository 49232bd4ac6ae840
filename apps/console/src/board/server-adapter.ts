/** bull-board's adapter to fastify, with one of its routes made ours. */
import type { AppControllerRoute, BullBoardRequest } from '@bull-board/api/typings/app';
import { FastifyAdapter } from '@bull-board/fastify';

/** Answers instead of bull-board's own handler. */
export type RouteHandler = (
  request: BullBoardRequest,
) => Promise<{ status: 200; body: Record<string, unknown> }>;

export class ConsoleAdapter extends FastifyAdapter {
  readonly #replaced: ReadonlyMap<string, RouteHandler>;

  /** `replaced`: by `put /api/...`, the route as bull-board writes it. Its hooks and checks do not run for them. */
  constructor(replaced: ReadonlyMap<string, RouteHandler>) {
    super();
    this.#replaced = replaced;
  }

  override setApiRoutes(routes: AppControllerRoute[]): this {
    super.setApiRoutes(
      routes.map((route) => {
        const handler = this.#replaced.get(`${String(route.method)} ${String(route.route)}`);
        return handler === undefined ? route : ({ ...route, handler } as unknown as AppControllerRoute);
      }),
    );
    return this;
  }
}
