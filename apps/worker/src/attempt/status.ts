/** Enhanced status and one-line text of what a host said, for results, DSNs and the dashboard. */
import type { Happening, Verdict } from '@mailwheel/verdict';

/** The reply as a person would quote it, or the trouble in words. */
export function lineOf(happening: Happening): string {
  return happening.cause.kind === 'reply' ? happening.cause.reply.line : happening.cause.detail;
}

/** The reply's own enhanced code where it carries one of its class, else the verdict's. */
export function statusOf(remark: { readonly verdict: Verdict; readonly happening: Happening }): {
  readonly enhancedCode: string;
  readonly line: string;
} {
  const { cause } = remark.happening;
  const own = cause.kind === 'reply' ? cause.reply.enhancedCode : undefined;
  const wanted = remark.verdict.fate === 'bounce' ? '5' : '4';
  const enhancedCode = own?.startsWith(wanted) === true ? own : remark.verdict.enhancedCode;
  return { enhancedCode, line: lineOf(remark.happening) };
}
