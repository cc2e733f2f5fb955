// The console: puts the parts together, shows the view of the address, and hands every sample to it.
import { createAdmin } from './admin.ts';
import { createSend } from './api.ts';
import { createBanner } from './banner.ts';
import { h, replace, setAttribute, setText } from './dom.ts';
import { clock, span } from './format.ts';
import { icon } from './icons.ts';
import { createFeed } from './live.ts';
import type { Page, View } from './page.ts';
import { button, createPill, empty } from './parts.ts';
import { ROUTES, routeOf } from './router.ts';
import type { Live } from './samples.ts';
import { createTokenDesk } from './token.ts';

const main = slot('main');
const spoken = slot('spoken');
const connection = createPill();
const version = h('span', { class: 'version' });
const time = h('span', { class: 'clock' });
const tokenButton = button('Token', () => token.ask());
const links = ROUTES.map(({ name, says }) => ({ name, element: h('a', { href: `#/${name}` }, icon(name), says) }));

const token = createTokenDesk(() => {
  feed.restart();
  // Somebody who is in the middle of a change goes on with it.
  if (document.querySelector('dialog[open]') === null) show();
  else tellToken();
});
const send = createSend(token.current);
const feed = createFeed(send);
const page: Page = {
  admin: createAdmin(send),
  live: feed,
  askToken: token.ask,
  hasToken: () => token.current() !== undefined,
  announce: (says) => setText(spoken, says),
};
const banner = createBanner(page.announce);
const denied = createDenied();
let view: View | undefined;
let shown = '';

/** An element that index.html has. */
function slot(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`index.html has no #${id}`);
  return element;
}

function createDenied(): { readonly element: HTMLElement; readonly says: HTMLElement } {
  const says = h('p');
  const element = h(
    'section',
    { class: 'denied', 'aria-label': 'Access' },
    says,
    button('Enter a token', token.ask, { look: 'primary' }),
  );
  element.hidden = true;
  return { element, says };
}

/** The view of the address, made anew. */
function show(): void {
  const { route, argument } = routeOf(location.hash);
  view?.close?.();
  // Views read the regions' names when they are made: without a first sample there is nothing to choose from.
  view = feed.state === undefined ? undefined : route.create(page, argument);
  shown = route.name;
  for (const { name, element } of links) setAttribute(element, 'aria-current', name === route.name && 'page');
  document.title = `${view?.title ?? route.says} · onetime-gateway`;
  const heading = h('h1', { tabindex: '-1' }, view?.title ?? route.says);
  replace(main, heading, banner.element, denied.element, view?.element ?? waiting());
  tellToken();
  update(feed);
}

function tellToken(): void {
  setText(tokenButton, token.current() === undefined ? 'Enter a token' : 'Token entered');
}

function waiting(): HTMLElement | undefined {
  return feed.connection === 'connecting' ? empty('Waiting for the gateway …') : undefined;
}

const CONNECTIONS = {
  connecting: ['quiet', 'Connecting'],
  open: ['good', 'Live'],
  lost: ['bad', 'Connection lost'],
  denied: ['warn', 'Needs a token'],
} as const;

function update(live: Live): void {
  const [tone, word] = CONNECTIONS[live.connection];
  const lostFor = live.lostAtMs === undefined ? '' : ` for ${span((Date.now() - live.lostAtMs) / 1000)}`;
  connection.set(tone, word + lostFor);
  if (live.state !== undefined) {
    setText(version, live.state.version);
    setText(time, `${clock(Date.parse(live.state.time) / 1000)} UTC`);
  }
  banner.update(live);
  denied.element.hidden = live.connection !== 'denied';
  setText(denied.says, [live.problem?.message, live.problem?.hint].filter((part) => part !== undefined).join(' '));
  setAttribute(main, 'data-stale', live.connection !== 'open');
  view?.update(live);
}

/** Another view: the focus goes to its heading, as a new page would have it. */
function navigate(): void {
  show();
  main.querySelector('h1')?.focus();
  scrollTo(0, 0);
}

replace(slot('nav'), h('ul', {}, ...links.map(({ element }) => h('li', {}, element))));
replace(slot('state'), connection.element, time, tokenButton);
replace(slot('version'), version);
addEventListener('hashchange', navigate);
slot('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.querySelector('h1')?.focus();
});
show();
feed.follow(() => {
  const first = view === undefined && feed.state !== undefined;
  if (first || shown !== routeOf(location.hash).route.name) show();
  else update(feed);
});
// While nothing comes, somebody has to say for how long.
setInterval(() => feed.connection === 'lost' && update(feed), 1000);
