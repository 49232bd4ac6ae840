/** A row of the table: what is measured, and how one sample of it is taken. */

export interface Sample {
  readonly messages: number;
  /** The figure of the row. */
  readonly perSecond: number;
  /** Messages a second until the source had its last 250; for rows that measure delivery. */
  readonly acceptedPerSecond?: number;
  /** CPU microseconds a message by process. */
  readonly cpuMicroseconds: Readonly<Record<string, number>>;
  /** Resident megabytes at the end by process. */
  readonly residentMegabytes: Readonly<Record<string, number>>;
  readonly redis?: {
    /** Commands that clients sent a message; a script counts as one. */
    readonly clientCommands: number;
    /** Commands that Redis ran a message, those inside scripts included. */
    readonly commandsRun: number;
    readonly commandMicroseconds: number;
  };
  /** Sentences about what went wrong; none in a good sample. */
  readonly failures: readonly string[];
}

export interface RunContext {
  /** Empty folder of this sample. */
  readonly folder: string;
  /** Multiplies the number of messages. */
  readonly scale: number;
}

export interface Row {
  readonly name: string;
  /** One line for the table's legend. */
  readonly says: string;
  /** Why it cannot run here; absent or undefined: it can. */
  readonly obstacle?: () => string | undefined;
  /** Rows whose figure this one is compared with. */
  readonly against?: readonly string[];
  readonly run: (context: RunContext) => Promise<Sample>;
}
