// How the reference page looks: by the reader's colour scheme, on a phone as on a wide screen.
import { createHash } from 'node:crypto';

export const STYLE = `:root{color-scheme:light dark;--text:#1b1f24;--soft:#57606a;--back:#fff;--panel:#f4f6f8;--line:#d0d7de;--link:#0757b8;--get:#0a5c2f;--post:#8a3b00}
@media (prefers-color-scheme:dark){:root{--text:#e6e9ed;--soft:#a3adb8;--back:#12161b;--panel:#1c2229;--line:#39424d;--link:#79b8ff;--get:#6fdd8b;--post:#ffb271}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;font:1rem/1.55 system-ui,sans-serif;color:var(--text);background:var(--back)}
a{color:var(--link)}
a:focus-visible,[tabindex]:focus-visible,summary:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:1rem;background:var(--back);padding:.5rem}
.frame{display:grid;grid-template-columns:minmax(0,1fr);max-width:78rem;margin:0 auto;padding:0 1rem}
main{min-width:0;padding-bottom:4rem}
nav ul{list-style:none;margin:.25rem 0 1rem;padding:0}
nav li{margin:.1rem 0;overflow-wrap:anywhere}
nav h2{font-size:.9rem;margin:1rem 0 0;color:var(--soft)}
nav a{text-decoration:none}
nav a:hover{text-decoration:underline}
h1{line-height:1.2;margin:2rem 0 .5rem}
h2{border-bottom:1px solid var(--line);padding-bottom:.25rem;margin-top:3rem}
h3{margin:2.5rem 0 .25rem;overflow-wrap:anywhere}
.anchor{text-decoration:none;color:var(--soft);font-weight:400}
.call{font-family:ui-monospace,monospace;overflow-wrap:anywhere;margin:.25rem 0}
.method{font-weight:700}
.get{color:var(--get)}
.post{color:var(--post)}
.facts{color:var(--soft);margin:.25rem 0}
code{font-family:ui-monospace,monospace;font-size:.92em}
pre{background:var(--panel);border:1px solid var(--line);border-radius:.4rem;padding:.75rem;overflow-x:auto;margin:.5rem 0 1rem}
pre code{user-select:all}
.wide{overflow-x:auto;margin:.5rem 0 1rem}
table{border-collapse:collapse;min-width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);font-weight:400}
thead th{color:var(--soft);font-size:.9rem}
summary{cursor:pointer;color:var(--link);padding:.25rem 0}
@media (min-width:60rem){.frame{grid-template-columns:17rem minmax(0,1fr);gap:3rem}nav{position:sticky;top:0;max-height:100vh;overflow-y:auto;padding-top:1rem}.contents::details-content{content-visibility:visible;block-size:auto}}
@media print{nav,.anchor{display:none}}`;

const hash = createHash('sha256').update(STYLE).digest('base64');

/** Nothing but this very style may load, and nobody may frame it. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
