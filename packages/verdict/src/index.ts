export type * from './types.ts';
export { judge } from './judge.ts';
export { fittingEnhancedCode, parseReply, replyClass, replyLinesMax, replyTextCharsMax } from './reply.ts';
export { dsnStatus, expiredStatus } from './status.ts';
export {
  verdictRows,
  type Circumstances,
  type ReplyPattern,
  type RowCase,
  type RowEffect,
  type VerdictRow,
} from './table.ts';
export { verdictTable } from './words.ts';
