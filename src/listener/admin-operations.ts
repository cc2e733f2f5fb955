// The admin API's routes about everything but accounts: regions, keys, decisions, gateways, events, the store.
import type { KeyedHash } from '../domain.ts';
import { isDeskError, Problem } from './admin-problem.ts';
import { type AdminRoute, type Context, defineRoute } from './admin-route.ts';
import { ByRegion, EventsPage, PAGE, SCHEMAS } from './admin-schemas.ts';
import { eventView, keyView } from './admin-views.ts';

/** Takes a region out of service or back. */
function drainRoute(what: 'drain' | 'undrain', summary: string): AdminRoute {
  const drained = what === 'drain';
  return defineRoute({
    id: `regions.${what}`,
    method: 'POST',
    path: `/regions/{name}/${what}`,
    summary,
    changes: true,
    params: ByRegion,
    query: undefined,
    body: SCHEMAS.Nothing,
    answers: { 200: SCHEMAS.RegionDrained },
    problems: ['not_found', 'unavailable'],
    handle: async ({ params: { name } }, { desk }) => {
      try {
        const changed = await desk.setDrained(name, drained);
        return { status: 200, body: { name, drained, changed }, about: name };
      } catch (error) {
        // Here the region is what the path names, not a field of the body.
        if (!isDeskError(error) || error.code !== 'unknown_region') throw error;
        throw new Problem('not_found', { message: 'No region of this name is configured here.' });
      }
    },
  });
}

type MarkReading = { kind: 'found'; generation: string; epoch: number } | { kind: 'missing' | 'unavailable' };

/** A store that is away must not keep operators from being told so. */
async function readMark({ desk }: Context): Promise<MarkReading> {
  try {
    const mark = await desk.mark();
    if (mark === undefined) return { kind: 'missing' };
    return { kind: 'found', generation: mark.generation, epoch: mark.epoch };
  } catch (error) {
    if (isDeskError(error) && error.code === 'unavailable') return { kind: 'unavailable' };
    throw error;
  }
}

export const OPERATION_ROUTES: readonly AdminRoute[] = [
  defineRoute({
    id: 'regions.list',
    method: 'GET',
    path: '/regions',
    summary: 'The configured regions and how they are.',
    changes: false,
    params: undefined,
    query: undefined,
    body: undefined,
    answers: { 200: SCHEMAS.Regions },
    problems: ['unavailable'],
    handle: async (_input, { regions }) => ({
      status: 200,
      body: {
        regions: (await regions()).map(({ name, up, breaker, failures, drained }) => ({
          name,
          up,
          breaker,
          failures,
          drained,
        })),
      },
    }),
  }),
  drainRoute('drain', 'Takes a region out of service: every gateway refuses what would go there.'),
  drainRoute('undrain', 'Puts a region back into service.'),
  defineRoute({
    id: 'explain',
    method: 'POST',
    path: '/explain',
    summary: 'What would be decided on a request, and why. Nothing is sent.',
    changes: false,
    params: undefined,
    query: undefined,
    body: SCHEMAS.Question,
    answers: { 200: SCHEMAS.Explained },
    problems: ['unavailable'],
    handle: async ({ body: { method, path, user, region, host } }, { explain }) => ({
      status: 200,
      body: await explain({ method, path, user, region, host }),
    }),
  }),
  defineRoute({
    id: 'keys.lookup',
    method: 'POST',
    path: '/keys/lookup',
    summary: 'Where a key is held, by the key itself or by its keyed hash.',
    changes: false,
    params: undefined,
    query: undefined,
    body: SCHEMAS.KeyToFind,
    answers: { 200: SCHEMAS.KeyFound },
    problems: ['store_unavailable'],
    handle: async ({ body: { key, hash = '' } }, { lookupKey }) => {
      const found = await lookupKey(key === undefined ? { hash: Buffer.from(hash, 'hex') as KeyedHash } : { key });
      if (found.kind === 'unavailable') throw new Problem('store_unavailable', { headers: { 'retry-after': '1' } });
      return { status: 200, body: found.kind === 'missing' ? { found: false } : keyView(found.value) };
    },
  }),
  defineRoute({
    id: 'gateways.list',
    method: 'GET',
    path: '/gateways',
    summary: 'The gateways that follow the directory, and how long their leases last.',
    changes: false,
    params: undefined,
    query: undefined,
    body: undefined,
    answers: { 200: SCHEMAS.Gateways },
    problems: ['unavailable'],
    handle: async (_input, { desk }) => {
      const leases = await desk.gateways();
      const gateways = leases.map(({ gateway, label, seen, leftMs }) => ({ gateway, label, seen, left_ms: leftMs }));
      return { status: 200, body: { gateways } };
    },
  }),
  defineRoute({
    id: 'events.list',
    method: 'GET',
    path: '/events',
    summary: 'What was changed and by whom, newest first. The last 10,000 are kept.',
    changes: false,
    params: undefined,
    query: EventsPage,
    body: undefined,
    answers: { 200: SCHEMAS.Events },
    problems: ['unavailable'],
    handle: async ({ query: { before, limit = PAGE } }, { desk }) => {
      const events = await desk.events(before, limit);
      // A full page may be the last: then the next one is empty.
      const next = events.length < limit ? null : (events.at(-1)?.epoch ?? null);
      return { status: 200, body: { events: events.map(eventView), next } };
    },
  }),
  defineRoute({
    id: 'store.get',
    method: 'GET',
    path: '/store',
    summary: 'Which engine holds the state, whether it answers, and the mark of its directory.',
    changes: false,
    params: undefined,
    query: undefined,
    body: undefined,
    answers: { 200: SCHEMAS.Store },
    problems: [],
    handle: async (_input, context) => {
      const { engine } = context.store;
      const mark = await readMark(context);
      const { up, wentAway, failed } = context.store.readings();
      return { status: 200, body: { engine, up, went_away: wentAway, failed, mark } };
    },
  }),
  defineRoute({
    id: 'openapi.get',
    method: 'GET',
    path: '/openapi.json',
    summary: 'This API as an OpenAPI 3.1 document.',
    changes: false,
    params: undefined,
    query: undefined,
    body: undefined,
    answers: { 200: SCHEMAS.OpenApi },
    problems: [],
    handle: async (_input, { document }) => ({ status: 200, body: document() }),
  }),
];
