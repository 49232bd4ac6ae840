/**
 * HTML as values: what a template is given is escaped, unless it is itself markup. The console's pages are small and made of
 * text from peers, so the escaping is the point; rejected: a template language, which escapes where the author remembers to.
 */

/** Text that is HTML already. Only `html` makes one. */
export class Markup {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  static of(text: string): Markup {
    return new Markup(text);
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand in a template; absent things show nothing. */
export type Content = Markup | string | number | undefined | readonly Content[];

/** Template tag. Attribute values must stand in double quotes. */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return Markup.of(
    parts.map((part, at) => part + (at < contents.length ? rendered(contents[at]) : '')).join(''),
  );
}

function rendered(content: Content): string {
  if (content === undefined) return '';
  if (content instanceof Markup) return content.toString();
  if (Array.isArray(content)) return content.map(rendered).join('');
  return escapeHtml(String(content));
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character] ?? character);
}
