/** Nothing in between: the ceiling of source and sink on this machine. */
import type { Subject } from './subject.ts';

export const direct: Subject = {
  name: 'nothing between',
  start: async ({ sinkPort }) => ({ port: sinkPort, processes: [], stop: async () => undefined }),
};
