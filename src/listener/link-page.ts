// The page that is shown when nothing tells which region holds a linked secret: it offers the regions, and retrieves nothing.
import { createHash } from 'node:crypto';

/** A region's own page of a secret. */
export interface RegionLink {
  readonly region: string;
  readonly url: string;
}

const STYLE = `body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem;color-scheme:light dark}
a{display:inline-block;margin:.25rem 0}`;

/** Nothing but this very style may load: the page holds a link to a secret. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** Plain HTML, complete. Each link leads to a region's own page, which asks before it reveals anything. */
export function linkPage(links: readonly RegionLink[]): string {
  const items = links
    .map(({ region, url }) => `<li><a rel="noreferrer" href="${escapeHtml(url)}">${escapeHtml(region)}</a></li>`)
    .join('\n');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>Where is this secret?</title>
<style>${STYLE}</style>
<h1>Where is this secret?</h1>
<p>This link does not tell in which region the secret is held. Whoever sent it knows; otherwise try one after the other.
Opening a region’s page does not use the secret up: it asks first.</p>
<ul>
${items}
</ul>
</html>
`;
}
