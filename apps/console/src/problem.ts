/** What goes wrong with a request, as people read it. */
export class Problem extends Error {
  readonly code = 'console-problem' as const;
  /** HTTP status; fastify and bull-board answer with it. */
  readonly statusCode: number;

  constructor(statusCode: number, sentence: string, cause?: unknown) {
    super(sentence, cause === undefined ? undefined : { cause });
    this.name = 'Problem';
    this.statusCode = statusCode;
  }
}
