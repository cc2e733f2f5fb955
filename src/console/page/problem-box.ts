// What went wrong, where it belongs: beside the form or the list that asked.
import { h, replace } from './dom.ts';
import { icon } from './icons.ts';
import { button } from './parts.ts';
import { type ApiProblem, needsToken, problemOf } from './problem.ts';

export interface ProblemBox {
  readonly element: HTMLElement;
  /** Says it, at once also to a screen reader. @returns the problem, for whoever knows which field it is about */
  show(error: unknown): ApiProblem;
  clear(): void;
}

/** @param askToken opens the field for a token, where one would help */
export function createProblemBox(askToken: () => void): ProblemBox {
  const element = h('div', { class: 'problem', role: 'alert' });
  element.hidden = true;
  return {
    element,
    show(error) {
      const problem = problemOf(error);
      element.hidden = false;
      replace(
        element,
        icon('bad'),
        h(
          'div',
          {},
          h('p', {}, problem.message),
          problem.hint !== undefined && h('p', { class: 'hint' }, problem.hint),
          needsToken(problem) && button('Enter a token', askToken),
        ),
      );
      return problem;
    },
    clear() {
      element.hidden = true;
      replace(element);
    },
  };
}
