// A row of figures.
import type { LiveState } from '../../listener/admin-live-types.ts';
import { h, setAttribute, setText } from './dom.ts';

export interface Stat {
  readonly term: string;
  readonly value: (state: LiveState) => string;
  readonly note: (state: LiveState) => string;
  readonly bad?: (state: LiveState) => boolean;
}

export function createStats(stats: readonly Stat[]): { readonly element: HTMLElement; set(state: LiveState): void } {
  const parts = stats.map((stat) => {
    const value = h('dd', { class: 'figure' });
    const note = h('dd', { class: 'stat-note' });
    return { stat, value, note, element: h('div', { class: 'stat' }, h('dt', {}, stat.term), value, note) };
  });
  return {
    element: h('dl', { class: 'stats' }, ...parts.map(({ element }) => element)),
    set(state) {
      for (const { stat, value, note, element } of parts) {
        setText(value, stat.value(state));
        setText(note, stat.note(state));
        setAttribute(element, 'data-bad', stat.bad?.(state) ?? false);
      }
    },
  };
}
