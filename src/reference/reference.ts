// The room that tells callers of the API: the document and the page made from it, each of which can be switched off.
import type { Route } from '../domain.ts';
import type { Answer } from '../journey.ts';
import { Refusal } from '../refusal.ts';
import type { DocumentOptions } from './document.ts';
import type { Pages } from './pages.ts';

export interface ReferenceOptions extends DocumentOptions {
  /** Whether /openapi.json is answered. */
  readonly openapi: boolean;
  /** Whether /docs is. */
  readonly docs: boolean;
}

/** @param headers of the request, flat. Never rejects but for a defect. */
export type AnswerReference = (route: Route, headers: readonly string[]) => Answer | Promise<Answer>;

/** @param options `routes` may hold the rows of this room: those that are switched off are left out of the document */
export function createReference({ openapi, docs, ...options }: ReferenceOptions): AnswerReference {
  const isOn = ({ id }: Route): boolean => (id === 'reference.openapi' ? openapi : docs);
  const routes = options.routes.filter((route) => route.version !== 'reference' || isOn(route));
  let pages: Pages | undefined;

  async function load(): Promise<Pages> {
    const { createPages } = await import('./pages.ts');
    pages ??= createPages({ ...options, routes });
    return pages;
  }

  const answer = (route: Route, from: Pages, headers: readonly string[]): Answer =>
    route.id === 'reference.openapi' ? from.openapi(headers) : from.docs(headers);

  return (route, headers) => {
    if (!isOn(route)) return new Refusal('not_found');
    return pages === undefined ? load().then((made) => answer(route, made, headers)) : answer(route, pages, headers);
  };
}
