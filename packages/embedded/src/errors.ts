/** What can keep the embedded Redis from running, as sentences for the person at the terminal. */

export type EmbeddedErrorCode =
  | 'not-installed'
  | 'too-old'
  /** Another living `mailwheel` owns the folder. */
  | 'folder-in-use'
  /** A Redis runs on the folder, but does not let us in or does not answer. */
  | 'unreachable'
  | 'did-not-start'
  | 'did-not-stop';

/** `message` says what is wrong, where, and what to do. */
export class EmbeddedRedisError extends Error {
  override readonly name = 'EmbeddedRedisError';
  readonly code: EmbeddedErrorCode;

  constructor(code: EmbeddedErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
