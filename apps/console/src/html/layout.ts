/** The frame of every page of our own. */
import { html, type Content, type Markup } from './markup.ts';

export interface Frame {
  readonly title: string;
  /** Path of the page in the navigation that this one is or belongs to. */
  readonly at: string;
  /** Name of this tier: setting `hostname`. */
  readonly hostname: string;
  /** Where the page gets its sections again; absent: it does not refresh itself. */
  readonly refreshFrom?: string;
  /** What stands in the search box. */
  readonly query?: string;
}

/** Pages in the navigation. */
export const navigation: readonly { readonly path: string; readonly name: string }[] = [
  { path: '/', name: 'Overview' },
  { path: '/board/', name: 'Queues' },
];

export function page(frame: Frame, body: Content): string {
  const { title, hostname, refreshFrom } = frame;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · ${hostname} · Mailwheel</title>
        <link rel="icon" href="/assets/mailwheel.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/assets/console.css" />
        <script src="/assets/console.js" defer></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to content</a>
        <header class="top">
          <a class="brand" href="/"
            ><img src="/assets/mailwheel.svg" alt="" width="22" height="22" /> Mailwheel
            <span class="quiet">${hostname}</span></a
          >
          <nav aria-label="Pages">
            <ul>
              ${navigation.map(({ path, name }) => entry(path, name, path === frame.at))}
            </ul>
          </nav>
          <form class="search" role="search" action="/search" method="get">
            <label for="q" class="unseen">Destination or message id</label>
            <input
              id="q"
              name="q"
              type="search"
              value="${frame.query}"
              placeholder="Destination or message id"
              maxlength="320"
              autocomplete="off"
              spellcheck="false"
              accesskey="s"
            />
            <button>Open</button>
          </form>
        </header>
        <main id="main" ${refreshFrom === undefined ? '' : html` data-refresh="${refreshFrom}"`}>
          ${body}
        </main>
      </body>
    </html> `.toString();
}

function entry(path: string, name: string, current: boolean): Markup {
  return html`<li><a href="${path}" ${current ? html` aria-current="page"` : ''}>${name}</a></li>`;
}

/** A part of a page that refreshes by itself: the script exchanges what is inside. */
export function section(name: string, heading: string, content: Content): Markup {
  return html`<section aria-labelledby="${name}-heading">
    <h2 id="${name}-heading">${heading}</h2>
    <div data-section="${name}">${content}</div>
  </section> `;
}

export interface Column {
  readonly name: string;
  /** Numbers stand to the right. */
  readonly number?: boolean;
}

/** A table with a caption for screen readers; the first cell of a row is its heading. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Content[])[],
): Markup {
  const cell = (content: Content, at: number): Markup => {
    const kind = columns[at]?.number === true ? html` class="number"` : '';
    return at === 0 ? html`<th scope="row" ${kind}>${content}</th>` : html`<td${kind}>${content}</td>`;
  };
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
    <table>
      <caption class="unseen">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map(({ name, number }) => html`<th scope="col" ${number === true ? html` class="number"` : ''}>${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map(cell)}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}
