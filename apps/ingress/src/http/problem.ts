/** What an HTTP client is told when its request is not taken: RFC 9457 problem documents that name the field at fault. */

export interface FieldError {
  /** JSON pointer into the body (`/attachments/0/filename`), or `query:to`, `header:idempotency-key`. */
  readonly field: string;
  readonly message: string;
}

export interface ProblemDocument {
  /** `urn:mailwheel:problem:<code>`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
}

/** Every kind of problem: its status and title. The description of the API lists them from here. */
export const problemKinds = {
  'invalid-field': { status: 422, title: 'A field of the request is not valid' },
  'invalid-body': { status: 400, title: 'The request body cannot be read' },
  'body-too-large': { status: 413, title: 'The request or the message is too large' },
  'unsupported-media-type': { status: 415, title: 'The media type is neither JSON nor message/rfc822' },
  unauthorized: { status: 401, title: 'A valid bearer token is needed' },
  'sender-not-allowed': { status: 403, title: 'The token may not send from this address' },
  'not-found': { status: 404, title: 'There is no such resource' },
  'idempotency-conflict': { status: 422, title: 'The Idempotency-Key stands for another request' },
  'mail-loop': { status: 422, title: 'The message has too many Received lines' },
  'request-timeout': { status: 408, title: 'The request came too slowly' },
  'store-full': { status: 503, title: 'The store is full' },
  'store-unavailable': { status: 503, title: 'The store is not available' },
  'outcome-unknown': { status: 503, title: 'It is not known whether the message was stored' },
  'internal-error': { status: 500, title: 'The server met an error of its own' },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

export type ProblemKind = keyof typeof problemKinds;

/** `Retry-After` when the store may be back at once. */
export const retrySoonSeconds = 5;

/** Thrown by handlers, turned into a reply at one place (`server.ts`). */
export class Problem extends Error {
  readonly code: ProblemKind;
  readonly errors: readonly FieldError[];
  /** Seconds after which a repetition makes sense. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ProblemKind,
    detail: string,
    more: {
      readonly errors?: readonly FieldError[];
      readonly retryAfterSeconds?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(detail, more.cause === undefined ? {} : { cause: more.cause });
    this.name = 'Problem';
    this.code = code;
    this.errors = more.errors ?? [];
    this.retryAfterSeconds = more.retryAfterSeconds;
  }

  get status(): number {
    return problemKinds[this.code].status;
  }

  document(): ProblemDocument {
    const { status, title } = problemKinds[this.code];
    return {
      type: `urn:mailwheel:problem:${this.code}`,
      title,
      status,
      detail: this.message,
      ...(this.errors.length === 0 ? {} : { errors: this.errors }),
    };
  }
}

/** One field is at fault. */
export function fieldProblem(field: string, message: string): Problem {
  return new Problem('invalid-field', `${field}: ${message}`, { errors: [{ field, message }] });
}
