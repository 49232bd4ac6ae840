/** Runs the steps of one stage side by side, each with its limit, and says which failed. Never rejects. */
import type { StopStep, Timers } from './types.ts';

export interface FailedStep {
  readonly step: StopStep;
  readonly error: Error;
}

/** Resolves when every step has ended, failed or was given up after its `limitMs`. */
export async function runStopStage(
  steps: readonly StopStep[],
  context: { readonly hasten: AbortSignal; readonly timers: Timers },
): Promise<readonly FailedStep[]> {
  const outcomes = await Promise.all(steps.map((step) => runStep(step, context)));
  return outcomes.filter((outcome) => outcome !== undefined);
}

async function runStep(
  step: StopStep,
  context: { readonly hasten: AbortSignal; readonly timers: Timers },
): Promise<FailedStep | undefined> {
  let cancel = (): void => {};
  const limit = new Promise<FailedStep>((resolve) => {
    cancel = context.timers.after(step.limitMs, () =>
      resolve({ step, error: new Error(`"${step.name}" did not stop within ${step.limitMs} ms`) }),
    );
  });
  const work = Promise.resolve()
    .then(() => step.stop(context.hasten))
    .then(
      () => undefined,
      (cause: unknown) => ({ step, error: new Error(`"${step.name}" failed to stop`, { cause }) }),
    );
  const outcome = await Promise.race([work, limit]);
  cancel();
  return outcome;
}
