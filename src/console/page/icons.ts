// The page's few signs. Each has a shape of its own, so that nobody has to tell them apart by colour.
import { svg } from './dom.ts';

const SHAPES = {
  good: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM4.8 8.2l2.2 2.3 4.3-4.8',
  warn: 'M8 1.8 15 14H1L8 1.8ZM8 6.2v3.6M8 11.6v.6',
  bad: 'M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2l3.7-3.7ZM5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8',
  quiet: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM5 8h6',
  info: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM8 7.2v4.2M8 4.6v.6',
  busy: 'M8 1.5a6.5 6.5 0 1 1-6.3 5',
  overview: 'M2 13V8M6 13V3M10 13V6M14 13V9',
  limits: 'M2.5 12.5a6 6 0 1 1 11 0M8 10l3-4',
  accounts: 'M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2 14c.6-3 3-4.3 6-4.3s5.4 1.3 6 4.3',
  why: 'M3 3v4a3 3 0 0 0 3 3h7M10 7l3 3-3 3',
  audit: 'M3.5 1.5h6l3 3v10h-9v-13ZM5.5 7h5M5.5 9.5h5M5.5 12h3',
  configuration: 'M2 4h7M12 4h2M2 8h2M7 8h7M2 12h6M11 12h3M10.5 2.5v3M5.5 6.5v3M9.5 10.5v3',
} as const;

export type Icon = keyof typeof SHAPES;

/** Decoration beside a word that says the same. */
export function icon(name: Icon): SVGSVGElement {
  return svg(
    'svg',
    { class: `icon icon-${name}`, viewBox: '0 0 16 16', 'aria-hidden': 'true', focusable: 'false' },
    svg('path', { d: SHAPES[name] }),
  );
}
