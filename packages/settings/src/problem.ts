/** What is wrong with the settings: where, what was expected, and which of the two sources said it. */
export interface SettingsProblem {
  /** `ingress.smtp.listen`; empty for the document as a whole. */
  readonly path: string;
  /** One sentence, without the path. Values of secret settings are never in it. */
  readonly message: string;
  readonly source: 'file' | 'environment';
  /** 1-based line of the settings file. */
  readonly line?: number;
  /** Name of the environment variable. */
  readonly variable?: string;
}

export type SettingsPath = readonly (string | number)[];

/** `ingress.http.tokens[0].name`; a key with a dot is quoted: `destinations."example.com"`. */
export function formatPath(path: SettingsPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += `${text === '' ? '' : '.'}${/^[A-Za-z0-9_-]+$/.test(step) ? step : JSON.stringify(step)}`;
  }
  return text;
}
