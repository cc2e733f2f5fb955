// A region as a card: whether it works, what share of the traffic it takes, how fast it answers, how much room is left.
import type { LiveRegion } from '../../listener/admin-live-types.ts';
import { openDialog } from './dialog.ts';
import { h, type Part, setText } from './dom.ts';
import { duration, percent, perSecond } from './format.ts';
import { type Page, tokenNote } from './page.ts';
import { button, createFact, createMeter, createPill, type Tone } from './parts.ts';
import { proxyFaultOf } from './troubles.ts';

const BREAKERS: Readonly<Record<LiveRegion['breaker'], readonly [Tone, string]>> = {
  closed: ['quiet', 'Breaker closed'],
  half_open: ['warn', 'Breaker half-open'],
  open: ['bad', 'Breaker open'],
};

/** The state in a word or two: what an operator did goes before what the region does. */
function standingOf({ drained, breaker, up }: LiveRegion): readonly [Tone, string] {
  if (drained) return ['warn', 'Drained'];
  return up && breaker !== 'open' ? ['good', 'Up'] : ['bad', 'Down'];
}

export function createRegionCard(page: Page, name: string): Part<LiveRegion> {
  const standing = createPill();
  const breaker = createPill();
  const proxy = createPill();
  proxy.set('bad', 'Proxy fails');
  const rate = h('span', { class: 'figure' });
  const share = createMeter(`Share of the requests, ${name}`);
  const shareSays = h('span');
  const budget = createMeter(`Budget of anonymous retrieval used, ${name}`);
  const budgetSays = h('span');
  const facts = {
    p50: createFact('p50'),
    p95: createFact('p95'),
    p99: createFact('p99'),
    inUse: createFact('In use'),
    waiting: createFact('Waiting'),
    failures: createFact('Failed in a row'),
    delivered: createFact('Delivered'),
    unknown: createFact('Unknown'),
    notSent: createFact('Not sent'),
  };
  let drained = false;
  const drain = button('', () => askDrain(page, name, !drained), { look: 'quiet' });
  const budgetRow = h('div', { class: 'gauge' }, h('span', {}, 'Budget used'), budget.element, budgetSays);
  const element = h(
    'article',
    { class: 'card region', 'aria-label': `Region ${name}`, 'data-region': name },
    h('header', {}, h('h3', {}, name), h('p', { class: 'pills' }, proxy.element, breaker.element, standing.element)),
    h('p', { class: 'region-rate' }, rate, ' requests for this region'),
    h('div', { class: 'gauge' }, h('span', {}, 'Share'), share.element, shareSays),
    budgetRow,
    h(
      'div',
      { class: 'region-facts' },
      group('Latency', [facts.p50, facts.p95, facts.p99]),
      group('Connections', [facts.inUse, facts.waiting, facts.failures]),
      group('Outcomes', [facts.delivered, facts.unknown, facts.notSent]),
    ),
    h('footer', { class: 'actions' }, drain),
  );
  return {
    element,
    update(region) {
      standing.set(...standingOf(region));
      breaker.set(...BREAKERS[region.breaker]);
      proxy.element.hidden = proxyFaultOf(region) === null;
      setText(rate, perSecond(region.requestsPerSecond));
      share.set(region.share, percent(region.share));
      setText(shareSays, percent(region.share));
      budgetRow.hidden = region.budgetUsed === null;
      budget.set(region.budgetUsed ?? 0, percent(region.budgetUsed ?? 0));
      setText(budgetSays, percent(region.budgetUsed ?? 0));
      for (const key of ['p50', 'p95', 'p99'] as const) facts[key].set(duration(region.latencyMs?.[key] ?? null));
      facts.inUse.set(String(region.inUse));
      facts.waiting.set(String(region.waiting));
      facts.failures.set(String(region.failures));
      facts.delivered.set(perSecond(region.outcomes.delivered));
      facts.unknown.set(perSecond(region.outcomes.unknown));
      facts.notSent.set(perSecond(region.outcomes.not_sent));
      drained = region.drained;
      setText(drain, drained ? `Put ${name} back into service` : `Take ${name} out of service`);
    },
  };
}

function group(title: string, facts: readonly { readonly element: HTMLElement }[]): HTMLElement {
  return h(
    'div',
    { class: 'facts-group' },
    h('h4', {}, title),
    h('dl', { class: 'facts facts-three' }, ...facts.map(({ element }) => element)),
  );
}

function askDrain(page: Page, name: string, drained: boolean): void {
  const says = drained
    ? `Every gateway of this directory refuses what would go to ${name}, with 503 and the outcome not_sent. Requests under way end in order.`
    : `Every gateway of this directory sends requests to ${name} again.`;
  openDialog({
    title: drained ? `Take ${name} out of service?` : `Put ${name} back into service?`,
    says: [says, ...tokenNote(page)],
    fields: [],
    submit: drained ? 'Take it out of service' : 'Put it back',
    look: drained ? 'danger' : 'primary',
    askToken: page.askToken,
    act: async () => {
      await page.admin.setDrained(name, drained);
      page.announce(drained ? `Region ${name} is out of service.` : `Region ${name} is in service again.`);
    },
  });
}
