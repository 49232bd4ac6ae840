/**
 * Delivery status notifications: who wants which report, its id, and the report itself (RFC 3461, 3464, 6522, 6533). Values
 * in, bytes out; sending is the caller's.
 */
export type * from './types.ts';
export { composeReport } from './compose-report.ts';
export { reportId, type ReportedAttempt } from './report-id.ts';
export { reportsWanted, type WantedOptions } from './reports-wanted.ts';
