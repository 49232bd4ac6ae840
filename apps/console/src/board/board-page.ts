/** bull-board's page as we send it on. */

const foreignLink = /<link\b[^>]*\bhref="(?:https?:)?\/\/[^"]*"[^>]*>\s*/gi;

/** Loads nothing from elsewhere (the page links a web font), and hides the buttons of what is refused. */
export function boardPage(html: string): string {
  return html
    .replace(foreignLink, '')
    .replace('</head>', '<link href="/assets/board.css" rel="stylesheet"></head>');
}
