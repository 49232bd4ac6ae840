/**
 * What the cli itself says: sentences for people on a terminal, JSON lines for programs otherwise. The logs of the roles
 * are written by the roles (packages/telemetry); both end up on the same standard output.
 */
import { styleText } from 'node:util';

export type OutputFormat = 'auto' | 'json' | 'mail_logs' | 'pretty';

export interface OutputEvent {
  /** `ready`, `role-died`: the `event` field of the JSON line. */
  readonly name: string;
  readonly level?: 'info' | 'warn' | 'error';
  /** For people, and as `msg`. */
  readonly text: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface OutputStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const stylesOfLevel = { info: 'cyan', warn: 'yellow', error: 'red' } as const;

export class Output {
  readonly #stream: OutputStream;
  #format: OutputFormat;

  constructor(stream: OutputStream = process.stdout, format: OutputFormat = 'auto') {
    this.#stream = stream;
    this.#format = format;
  }

  /** Follows `log.format` as soon as the settings are known. */
  useFormat(format: OutputFormat): void {
    this.#format = format;
  }

  /** True: a person reads this. */
  get forPeople(): boolean {
    return this.#format === 'auto' ? this.#stream.isTTY === true : this.#format !== 'json';
  }

  event(event: OutputEvent): void {
    const level = event.level ?? 'info';
    if (this.forPeople) {
      this.#stream.write(`${this.style(stylesOfLevel[level], event.text)}\n`);
    } else {
      const line = {
        level,
        time: new Date().toISOString(),
        event: event.name,
        ...event.fields,
        msg: event.text,
      };
      this.#stream.write(`${JSON.stringify(line)}\n`);
    }
  }

  /** Text as it is: tables, lists, pages. */
  text(text: string): void {
    this.#stream.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  json(value: unknown): void {
    this.#stream.write(`${JSON.stringify(value)}\n`);
  }

  /** Coloured on a terminal that wants colours (NO_COLOR, TERM=dumb). */
  style(format: Parameters<typeof styleText>[0], text: string): string {
    return this.#stream.isTTY === true ? styleText(format, text) : text;
  }
}
