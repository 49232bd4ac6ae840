/** The `Status` field of a DSN (RFC 3464 section 2.3.4) for one recipient. */
import { fittingEnhancedCode } from './reply.ts';
import type { Reply, Verdict } from './types.ts';

/** RFC 3463: delivery time expired. */
export const expiredStatus = '4.4.7';

/**
 * Enhanced status code of one recipient's report: the reply's own code where it has one of the class that the fate demands
 * (5 for a bounce, 4 for everything that is put off), else the verdict's. A greeting of `554 5.7.1` that is put off is
 * therefore not reported as 5.7.1. Expiry is always 4.4.7; the last reply goes into Diagnostic-Code.
 */
export function dsnStatus(
  verdict: Pick<Verdict, 'fate' | 'enhancedCode'>,
  reply: Reply | undefined,
  expired = false,
): string {
  if (expired) return expiredStatus;
  const own = reply === undefined ? undefined : fittingEnhancedCode(reply);
  const wantedClass = verdict.fate === 'bounce' ? '5' : '4';
  return own?.startsWith(wantedClass) === true ? own : verdict.enhancedCode;
}
