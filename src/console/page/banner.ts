// The banner: what is wrong, in words. A screen reader hears of a trouble when it comes and when it goes, not every second.
import { createList, h, setText } from './dom.ts';
import { icon } from './icons.ts';
import type { Live } from './samples.ts';
import { type Trouble, troublesOf } from './troubles.ts';

/** A trouble that comes and goes with each second stays on view so long. */
const HOLD_MS = 10_000;
const FLICKERS = /^(unknown:|budget:|line:|overload$|callers$)/;

export interface Banner {
  readonly element: HTMLElement;
  update(live: Live): void;
}

/** @param announce says it to screen readers */
export function createBanner(announce: (says: string) => void, now: () => number = Date.now): Banner {
  const items = h('ul', { class: 'banner' });
  const held = new Map<string, { readonly trouble: Trouble; readonly lastMs: number }>();
  const list = createList<Trouble>(items, ({ id }) => id, createItem);
  const element = h('section', { 'aria-label': 'What is wrong' }, items);
  element.hidden = true;
  return {
    element,
    update(live) {
      const atMs = now();
      const troubles = troublesOf(live);
      const ids = new Set(troubles.map(({ id }) => id));
      for (const trouble of troubles) {
        if (!held.has(trouble.id)) announce(trouble.says);
        held.set(trouble.id, { trouble, lastMs: atMs });
      }
      for (const [id, { trouble, lastMs }] of held) {
        if (ids.has(id) || (FLICKERS.test(id) && atMs - lastMs < HOLD_MS)) continue;
        held.delete(id);
        announce(`Over: ${trouble.says}`);
      }
      const shown = [...held.values()].map(({ trouble }) => trouble);
      list(shown.sort((a, b) => Number(b.level === 'bad') - Number(a.level === 'bad')));
      element.hidden = shown.length === 0;
    },
  };
}

function createItem({ level, at }: Trouble) {
  const says = h('span');
  const more = h('a', { href: at }, 'Show', h('span', { class: 'away' }, ' more'));
  return {
    element: h('li', { class: `trouble trouble-${level}` }, icon(level), says, more),
    update(trouble: Trouble) {
      setText(says, trouble.says);
      more.hidden = at === undefined || location.hash.startsWith(at) || (location.hash === '' && at === '#/overview');
    },
  };
}
