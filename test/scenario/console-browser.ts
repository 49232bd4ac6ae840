/** Looking at the console in headless Chromium. */
import { stat } from 'node:fs/promises';
import { chromium, type Browser, type Page } from 'playwright-core';

/** Debian's package; the set-up script installs it. */
const program = '/usr/bin/chromium';

export function launchBrowser(): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
  return chromium.launch({ executablePath: program, args: [...args, '--disable-background-networking'] });
}

export interface Watched {
  readonly page: Page;
  /** Everything the browser complained about: blocked by the policy, failed to load, thrown. */
  readonly complaints: string[];
}

export async function openPage(
  browser: Browser,
  look: {
    readonly colorScheme: 'light' | 'dark';
    readonly login: { readonly username: string; readonly password: string };
  },
): Promise<Watched> {
  const context = await browser.newContext({
    colorScheme: look.colorScheme,
    viewport: { width: 1360, height: 860 },
    httpCredentials: look.login,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} ${request.failure()?.errorText}`));
  return { page, complaints };
}

/** Takes a picture; throws when nothing is on it. */
export async function shoot(page: Page, path: string): Promise<void> {
  await page.screenshot({ path });
  const { size } = await stat(path);
  if (size < 10_000) throw new Error(`${path} has only ${size} bytes: an empty page`);
}

/** Waits for a text on the page; the error says what was there instead. */
export async function sees(page: Page, text: string | RegExp): Promise<void> {
  await page
    .getByText(text)
    .first()
    .waitFor({ timeout: 8000 })
    .catch(async (cause: unknown) => {
      throw new Error(`"${text}" is not on the page:\n${await page.innerText('body')}`, { cause });
    });
}

interface Element {
  readonly offsetParent: unknown;
  querySelector(of: string): { readonly classList: Iterable<string> } | null;
}

/** Buttons that only look: menus, copying, turning pages. */
const looking = new Set(['', 'ellipsis-vertical', 'copy', 'chevron-right', 'chevron-down']);

/** Icons of the buttons and menu items of the dashboard that somebody could press now, by name. */
export async function visibleIcons(page: Page): Promise<string[]> {
  const names = await page.$$eval('main button, [role=menuitem]', (elements) =>
    (elements as unknown as Element[])
      .filter((element) => element.offsetParent !== null)
      .map((element) => [...(element.querySelector(':scope > svg')?.classList ?? [])].at(-1) ?? ''),
  );
  const icons = new Set(names.map((name) => name.replace('lucide-', '')));
  return [...icons].filter((icon) => !looking.has(icon)).toSorted();
}
