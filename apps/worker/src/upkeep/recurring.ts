/** A task that runs again and again, never twice at once, whose failures are told and do not end it. */
export interface RecurringOptions {
  readonly name: string;
  /** From the end of one run to the start of the next, milliseconds. */
  readonly pauseMs: number;
  readonly run: () => Promise<void>;
  readonly onTrouble: (name: string, cause: unknown) => void;
}

export interface Recurring {
  /** Ends the repetition; resolves when a run that is under way has ended. */
  stop(): Promise<void>;
}

export function startRecurring(options: RecurringOptions): Recurring {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const round = (): void => {
    running = options
      .run()
      .catch((cause: unknown) => options.onTrouble(options.name, cause))
      .then(() => {
        if (!stopped) timer = setTimeout(round, options.pauseMs);
      });
  };
  timer = setTimeout(round, options.pauseMs);
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
