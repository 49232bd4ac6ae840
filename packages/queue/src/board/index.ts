/** Queue objects for bull-board that cannot go round the message records or the due index. */
export type { BoardAct, BoardHooks, BoardOperation } from './board-backend.ts';
export {
  createBoardQueues,
  DestinationQueue,
  type BoardQueueOptions,
  type BoardQueues,
} from './destination-queue.ts';
