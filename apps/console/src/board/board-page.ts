/** bull-board's page as we send it on. */
import type { ConsoleRole } from '@mailwheel/settings';
import { html } from '../html/markup.ts';

const foreignLink = /<link\b[^>]*\bhref="(?:https?:)?\/\/[^"]*"[^>]*>\s*/gi;

const styles = html`<link href="/assets/board.css" rel="stylesheet" />`.toString();
const bar = html`<nav class="mailwheel-bar" aria-label="Mailwheel">
  <a href="/">Overview</a>
  <form role="search" action="/search" method="get">
    <input
      name="q"
      type="search"
      aria-label="Destination or message id"
      placeholder="Destination or message id"
      maxlength="320"
      autocomplete="off"
    /><button>Open</button>
  </form>
</nav> `.toString();

const viewerStyles = html`<link href="/assets/board-viewer.css" rel="stylesheet" />`.toString();

/** Loads nothing from elsewhere (the page links a web font), hides the buttons of what is refused, and leads back. */
export function boardPage(page: string, role: ConsoleRole): string {
  return page
    .replace(foreignLink, '')
    .replace('</head>', `${styles}${role === 'viewer' ? viewerStyles : ''}</head>`)
    .replace('<div id="root">', `${bar}<div id="root">`);
}
