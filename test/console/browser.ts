// Debian's Chromium, and the page in it: whatever the page complains of is kept, so that a test can say that it is nothing.
import { spawnSync } from 'node:child_process';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { needs } from '../support/needs.ts';

/** False: the tests are skipped, and the command that installs it is printed. */
export const hasChromium = needs('chromium', 'apt-get install chromium');

export type Scheme = 'light' | 'dark';

export interface OpenOptions {
  readonly scheme?: Scheme;
  readonly width?: number;
  readonly height?: number;
  /** Put where the page keeps it. */
  readonly token?: string;
  /** Of the device: 2 for sharp pictures. */
  readonly scale?: number;
  /** Left out: no animation, so that nothing is measured half-way. */
  readonly motion?: 'reduce' | 'no-preference';
}

export interface Opened extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, of the console, and every report of the Content-Security-Policy. */
  readonly complaints: string[];
}

export function launch(): Promise<Browser> {
  const path = spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).stdout.trim();
  // In a container everybody is root, and Chromium's own sandbox needs rights that are not there.
  return chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
}

/** Opens the page of a gateway; `hash` is the view, `#/audit`. */
export async function open(browser: Browser, url: string, hash = '', options: OpenOptions = {}): Promise<Opened> {
  const { scheme = 'light', width = 1280, height = 900, token, scale = 1, motion = 'reduce' } = options;
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width, height },
    reducedMotion: motion,
    deviceScaleFactor: scale,
    locale: 'en-GB',
  });
  const complaints: string[] = [];
  await context.exposeFunction('complain', (what: string) => void complaints.push(what));
  await context.addInitScript(WATCH);
  if (token !== undefined) await context.addInitScript(KEEP_TOKEN, token);
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console: ${message.text()}`);
  });
  await page.goto(url + (hash === '' ? '/' : `/${hash}`));
  return { page, context, complaints, [Symbol.asyncDispose]: () => context.close() };
}

// Scripts for the page stand here as text: the tests are checked without the types of a browser.
const WATCH = `document.addEventListener('securitypolicyviolation', (event) =>
  complain('policy: ' + event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample));`;
const KEEP_TOKEN = new Function('token', `sessionStorage.setItem('onetime-gateway.token', token);`) as (
  token: string,
) => void;

/** What axe-core finds against WCAG 2.2 A and AA and its own good practice: `rule: where`. */
export async function audit(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(
    `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
       .then(({ violations }) => violations.flatMap(({ id, nodes }) =>
         nodes.map(({ target, failureSummary }) => id + ': ' + target.join(' ') + ' ' + failureSummary)))`,
  );
  return found as string[];
}

/** By how much the page is wider than the window; 0: nobody has to scroll sideways. */
export async function overflow(page: Page): Promise<number> {
  const widths = await page.evaluate('[document.documentElement.scrollWidth, innerWidth]');
  const [content = 0, window = 0] = widths as number[];
  return Math.max(0, content - window);
}
