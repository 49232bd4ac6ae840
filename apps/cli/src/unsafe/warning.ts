/** What `mailwheel config check` says about a setting that may be used and should not be, or that somebody should know of. */
export interface Warning {
  /** `ingress.http.tokens[0].from`. */
  readonly path: string;
  /** `unsafe` changes the exit code; a `note` is a fact of the set-up, such as that a proxy must bring TLS. */
  readonly severity: 'unsafe' | 'note';
  /** What follows from it, and what to do: one sentence. */
  readonly message: string;
}

export function unsafe(path: string, message: string): Warning {
  return { path, severity: 'unsafe', message };
}

export function note(path: string, message: string): Warning {
  return { path, severity: 'note', message };
}
