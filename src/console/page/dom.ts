// Elements made by hand. Text goes in as text, never as markup, and no style attribute is ever written: the page's
// Content-Security-Policy forbids both, and an account's name or a path may hold anything.

export type Child = Node | string | number | false | null | undefined;

/** Attributes by name; `true` is the bare attribute, `false` and `undefined` leave it out. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

const SVG = 'http://www.w3.org/2000/svg';

function fill<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...nodesOf(children));
  return element;
}

function nodesOf(children: readonly Child[]): (Node | string)[] {
  return children
    .filter((child) => child !== false && child !== null && child !== undefined)
    .map((child) => (typeof child === 'number' ? String(child) : child));
}

/** An HTML element with its attributes and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element with its attributes and children. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Writes only what is new: what a screen reader stands on, or somebody has selected, stays as it is. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | number | boolean | undefined): void {
  if (value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value === true ? '' : value)) {
    element.setAttribute(name, value === true ? '' : String(value));
  }
}

export function replace(element: Element, ...children: Child[]): void {
  element.replaceChildren(...nodesOf(children));
}

let ids = 0;

/** An id that no other element of the page has. */
export function freshId(stem: string): string {
  ids += 1;
  return `${stem}-${ids}`;
}

/** One part of a list that is brought up to date in place. */
export interface Part<T> {
  readonly element: Element;
  update(item: T): void;
}

/**
 * Keeps a container's children in step with a list: known ones are updated where they stand, so that focus and selection
 * stay, new ones are made, and those that are gone are taken out.
 */
export function createList<T>(
  container: Element,
  keyOf: (item: T) => string,
  create: (item: T) => Part<T>,
): (items: readonly T[]) => void {
  const parts = new Map<string, Part<T>>();
  return (items) => {
    const wanted = new Set(items.map(keyOf));
    for (const [key, part] of parts) {
      if (wanted.has(key)) continue;
      part.element.remove();
      parts.delete(key);
    }
    items.forEach((item, at) => {
      const key = keyOf(item);
      const part = parts.get(key) ?? create(item);
      parts.set(key, part);
      part.update(item);
      const there = container.children[at] ?? null;
      if (there !== part.element) container.insertBefore(part.element, there);
    });
  };
}
