/**
 * smtp-server's parser with a data phase of our own. Its own data phase finds the right end, but takes dots out after a
 * bare LF, yields to the event loop at every stuffed dot, and says nothing about bare CR, bare LF and NUL.
 */
import { SMTPStream, type SMTPStreamOptions } from 'smtp-server/lib/smtp-stream.js';
import type { DataReader } from '../message/data-reader.ts';
import type { BodyBuffer } from '../message/body-buffer.ts';
import type { BodyHold } from '../message/bodies-in-flight.ts';

/** The data of one message while it comes in. */
export interface DataPhase {
  readonly reader: DataReader;
  readonly buffer: BodyBuffer;
  readonly hold: BodyHold;
  /** Told after each chunk: may it be forgotten what was collected (the message is refused already)? */
  readonly isLost: () => boolean;
  /** Called once, at the terminator. Commands that follow wait for `resumeCommands`. */
  readonly onEnd: () => void;
}

type Done = (error?: Error | null) => void;

export class CommandStream extends SMTPStream {
  #data: DataPhase | undefined;
  #resume: (() => void) | undefined;
  #waitsForMemory = false;

  constructor(options: SMTPStreamOptions) {
    super(options);
  }

  /** True while the budget, not the client, holds up the data. */
  get waitsForMemory(): boolean {
    return this.#waitsForMemory;
  }

  /** Reads what follows as data. */
  startData(phase: DataPhase): void {
    this.#data = phase;
    this._dataMode = true;
  }

  /** Goes on with the commands behind the terminator; after the reply to the data. */
  resumeCommands(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  override _feedDataStream(chunk: Buffer, done: Done): void {
    const phase = this.#data;
    if (phase === undefined) throw new Error('data came without a data phase');
    const granted = phase.hold.reserve(phase.buffer.capacityAfter(chunk.length));
    if (granted === true) {
      this.#feed(phase, chunk, done);
      return;
    }
    void this.#feedWhenGranted(granted, () => this.#feed(phase, chunk, done), done);
  }

  async #feedWhenGranted(granted: Promise<boolean>, feed: () => void, done: Done): Promise<void> {
    this.#waitsForMemory = true;
    const isGranted = await granted;
    this.#waitsForMemory = false;
    // Not granted: the connection is gone, and nobody is left to read for.
    if (isGranted) feed();
    else done();
  }

  #feed(phase: DataPhase, chunk: Buffer, done: Done): void {
    const taken = phase.reader.push(chunk, phase.buffer);
    this.dataBytes = phase.buffer.bytes;
    if (phase.isLost()) {
      phase.buffer.discard();
      phase.hold.release();
    }
    if (!phase.reader.ended) {
      done();
      return;
    }
    this.#data = undefined;
    this._dataMode = false;
    this._remainder = '';
    this.#resume = () => {
      this._write(chunk.subarray(taken), 'buffer', done);
    };
    phase.onEnd();
  }
}
