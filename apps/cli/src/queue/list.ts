/** `mailwheel queue list`: the busiest destinations and the sum of all. */
import type { DestinationState } from '@mailwheel/queue';
import type { Invocation } from '../command.ts';
import { withStore } from '../store.ts';
import { duration, table } from '../table.ts';
import { wholeNumber } from './arguments.ts';

const destinationsDefault = 50;

/** With `--json` one line a destination, the busiest first. */
export function listQueues(call: Invocation): Promise<number> {
  const limit = wholeNumber('--limit', call.options.limit) ?? destinationsDefault;
  return withStore(call, async ({ queues, clock }) => {
    const [destinations, totals] = await Promise.all([queues.destinations(limit), queues.totals()]);
    if (call.options.json === true) {
      for (const state of destinations) call.output.json(state);
      return 0;
    }
    if (totals.destinations === 0) {
      call.output.text('No mail is waiting.');
      return 0;
    }
    const nowMs = clock.nowMs();
    const rows = destinations.map((state) => [
      state.destination,
      String(state.waiting),
      String(state.active),
      String(state.delayed),
      String(state.failed),
      state.oldestAtMs === undefined ? '' : duration(nowMs - state.oldestAtMs),
      nextLook(state, nowMs),
    ]);
    call.output.text(
      table(['destination', 'waiting', 'active', 'delayed', 'failed', 'oldest', 'next'], rows),
    );
    const { waiting, active, delayed, failed } = totals;
    call.output.text(
      `${totals.destinations} destinations: ${waiting} waiting, ${active} active, ${delayed} delayed, ${failed} failed, ${totals.paused} held`,
    );
    return 0;
  });
}

function nextLook(state: DestinationState, nowMs: number): string {
  if (state.paused) return 'held';
  if (state.dueAtMs === undefined) return '';
  return state.dueAtMs <= nowMs ? 'now' : `in ${duration(state.dueAtMs - nowMs)}`;
}
