/** What the dashboard is told when something is refused or fails: bull-board's form of an error, with our sentence in it. */

export interface BoardAnswer {
  readonly status: number;
  readonly body: { readonly error: { readonly key: string }; readonly message: string };
}

/** Errors carry the status they want; BullMQ's own refusals (job gone, not delayed, locked) carry negative codes. */
export function answerTo(error: unknown): BoardAnswer {
  const { statusCode, code } = error as { readonly statusCode?: unknown; readonly code?: unknown };
  const message = error instanceof Error ? error.message : String(error);
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, body: { error: { key: 'ERRORS.FORBIDDEN' }, message } };
  }
  if (typeof code === 'number' && code < 0) {
    return {
      status: 409,
      body: { error: { key: 'ERRORS.FORBIDDEN' }, message: `Nothing was changed: ${message}` },
    };
  }
  return { status: 500, body: { error: { key: 'ERRORS.INTERNAL_SERVER_ERROR' }, message } };
}
