/* Exchanges the sections of a page that changes by itself. Without it the page is complete, and reload shows it anew. */
const everyMs = 5000;
const main = document.querySelector('main[data-refresh]');
const choice = document.getElementById('refresh');

if (main !== null && choice !== null) {
  choice.hidden = false;
  for (const label of document.querySelectorAll('.refresh .label')) label.hidden = false;
  let failures = 0;

  const exchange = (element, markup) => {
    if (element.innerHTML === markup) return;
    // Text that somebody has marked, or a link that has the focus, is not taken away under them.
    const selection = document.getSelection();
    if (selection !== null && !selection.isCollapsed && element.contains(selection.anchorNode)) return;
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    const link = focused?.getAttribute('href');
    const region = focused?.getAttribute('aria-label');
    const scrolled = new Map(
      [...element.querySelectorAll('.scroll')].map((box) => [box.getAttribute('aria-label'), box.scrollLeft]),
    );
    element.innerHTML = markup;
    for (const box of element.querySelectorAll('.scroll'))
      box.scrollLeft = scrolled.get(box.getAttribute('aria-label')) ?? 0;
    const again = [...element.querySelectorAll('a[href], [tabindex]')].find((candidate) =>
      link === null || link === undefined
        ? region !== null && region !== undefined && candidate.getAttribute('aria-label') === region
        : candidate.getAttribute('href') === link,
    );
    again?.focus({ preventScroll: true });
  };

  const refresh = async () => {
    if (!choice.checked || document.hidden) return;
    try {
      const answer = await fetch(main.dataset.refresh, { headers: { accept: 'application/json' } });
      if (!answer.ok) throw new Error(String(answer.status));
      const { sections } = await answer.json();
      for (const element of main.querySelectorAll('[data-section]')) {
        const markup = sections[element.dataset.section];
        if (markup !== undefined) exchange(element, markup);
      }
      failures = 0;
    } catch {
      failures += 1;
    }
    document.body.classList.toggle('stale', failures > 0);
  };

  const again = () => {
    setTimeout(() => void refresh().finally(again), everyMs * Math.min(2 ** failures, 12));
  };
  again();
  choice.addEventListener('change', () => void refresh());
  document.addEventListener('visibilitychange', () => void refresh());
}

document.addEventListener('keydown', (event) => {
  const { target } = event;
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
  if (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  )
    return;
  const box = document.getElementById('q');
  if (box === null) return;
  event.preventDefault();
  box.focus();
});
