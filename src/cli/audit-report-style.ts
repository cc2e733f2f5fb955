// The style of a report's page: light and dark, wide and narrow, and on paper.
import { hash } from 'node:crypto';

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1b1f24; --soft: #5b6470; --line: #d7dce2; --panel: #f5f7f9;
  --good: #12633d; --good-paper: #e7f5ec; --bad: #9b1c1c; --bad-paper: #fdecec; --open: #7a4b00; --open-paper: #fdf3df;
  --c0: #2f6fdb; --c1: #e0812b; --c2: #2c9c69; --c3: #b4519f; --c4: #7d6bd6; --c5: #0f97a7; --c6: #a98a1f; --c7: #c94f5c;
  --none: #9aa3ad;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --ink: #e6e9ed; --soft: #a2abb6; --line: #343b44; --panel: #1d2228;
    --good: #86dcae; --good-paper: #12301f; --bad: #ffaaa5; --bad-paper: #411919; --open: #f2c879; --open-paper: #38290c;
    --c0: #6fa3f5; --c1: #f0a35c; --c2: #5cc796; --c3: #d885c6; --c4: #a99bf0; --c5: #4dc3d1; --c6: #d3b752; --c7: #ee8690;
    --none: #727c87;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; }
.about { color: var(--soft); margin: 0 0 1.5rem; }
.answer { border-left: .35rem solid; border-radius: .25rem; padding: .9rem 1.1rem; }
.answer p { margin: 0; font-size: 1.1rem; font-weight: 600; }
.answer ul { margin: .6rem 0 0; padding-left: 1.2rem; color: var(--ink); }
.held { color: var(--good); background: var(--good-paper); }
.left { color: var(--bad); background: var(--bad-paper); }
.open { color: var(--open); background: var(--open-paper); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1.25rem 0 0; }
.facts div { background: var(--panel); border-radius: .4rem; padding: .7rem .9rem; }
.facts dt { color: var(--soft); font-size: .85rem; }
.facts dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
figure { margin: 0; }
svg { display: block; width: 100%; min-width: 34rem; height: auto; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
.grid line { stroke: var(--line); }
.value { text-anchor: end; }
figcaption { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-top: .5rem; font-size: .9rem; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: .15em; margin-right: .4em; }
.wide { overflow-x: auto; }
[tabindex]:focus-visible { outline: 3px solid var(--c0); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
thead th { color: var(--soft); font-weight: 600; }
tbody th { font-weight: 500; }
td { font-variant-numeric: tabular-nums; }
tr.outside > * { color: var(--bad); font-weight: 600; }
pre { background: var(--panel); padding: .9rem 1.1rem; border-radius: .4rem; overflow-x: auto; font-size: .85rem; }
${[0, 1, 2, 3, 4, 5, 6, 7].map((at) => `.c${at} { fill: var(--c${at}); background: var(--c${at}); }`).join('\n')}
.none { fill: var(--none); background: var(--none); }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .wide, pre { overflow: visible; }
  svg { min-width: 0; }
  pre { white-space: pre-wrap; }
  th, td { white-space: normal; overflow-wrap: anywhere; }
  h2, figure { break-after: avoid; }
  tr, figure, .answer { break-inside: avoid; }
  .key, rect { print-color-adjust: exact; }
}
`;

/** Nothing is loaded and nothing runs; this very style is the only one. */
export const POLICY = `default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'`;
