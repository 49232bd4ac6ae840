/** What one transaction teaches about its host: one outcome for `rotation.report`, or nothing to report. Pure. */
import type { HostOutcome, PickMode } from '@mailwheel/rotation';
import type { Verdict } from '@mailwheel/verdict';

/**
 * - any verdict that fails the host: `fail`;
 * - something was accepted: `ok` (reported only where the host's state waits for it: not for `go`);
 * - a soft failure and no acceptance: `soft`;
 * - the host answered (rows 10, 13 to 15, 17): that settles a probe and counts for a ramp, but clears no suspicion,
 *   because only an acceptance does (rules.md);
 * - a probe that taught nothing is given back as `soft`, which fails a probing host: its lease must not hang.
 */
export function hostOutcome(
  mode: PickMode,
  verdicts: readonly Verdict[],
  acceptedCount: number,
): HostOutcome | undefined {
  if (verdicts.some((verdict) => verdict.health === 'fail')) return 'fail';
  if (acceptedCount > 0) return mode === 'go' ? undefined : 'ok';
  if (verdicts.some((verdict) => verdict.health === 'soft')) return 'soft';
  const answered = verdicts.length > 0 && verdicts.every((verdict) => verdict.probeSucceeded);
  if (mode === 'probe') return answered ? 'ok' : 'soft';
  if (mode === 'ramp') return answered ? 'ok' : undefined;
  return undefined;
}
