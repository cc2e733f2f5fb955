// What every view is given, and what every view gives.
import type { Admin } from './admin.ts';
import { createProblemBox, type ProblemBox } from './problem-box.ts';
import type { Live } from './samples.ts';

/** What views are given. */
export interface Page {
  readonly admin: Admin;
  readonly live: Live;
  /** Opens the field for a token. */
  askToken(): void;
  /** Whether a token is kept for this tab. */
  hasToken(): boolean;
  /** Says it to screen readers, politely. */
  announce(says: string): void;
}

export interface View {
  /** Heading of the view, and the window's title. */
  readonly title: string;
  readonly element: HTMLElement;
  /** Called with every sample and every change of the connection. */
  update(live: Live): void;
  /** Takes down what would go on without it. */
  close?(): void;
}

/** @param argument the part of the address after the view's own name */
export type CreateView = (page: Page, argument: string | undefined) => View;

export function problemBox({ askToken }: Page): ProblemBox {
  return createProblemBox(askToken);
}

/** A gateway without a token changes nothing, whoever asks: said before somebody has typed a whole form. */
export function tokenNote({ hasToken }: Page): string[] {
  return hasToken() ? [] : ['Changes need a token with role write. None is entered in this tab yet.'];
}

/** The gateway's clock, since this machine's may be off. */
export function nowMs({ state }: Live): number {
  return state === undefined ? Date.now() : Date.parse(state.time);
}
