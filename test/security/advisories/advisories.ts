// The published advisories of what this gateway is built on, as far as they concern a proxy: what each says, which versions
// have it, and what a test beside this file shows. Each was read where it is published, or in a copy of that.
import type { Advisory } from './advisory.ts';
import { FASTIFY } from './table-fastify.ts';
import { NODE } from './table-node.ts';
import { NODE_MORE } from './table-node-more.ts';
import { PROXIES } from './table-proxies.ts';
import { UNDICI_HTTP } from './table-undici-http.ts';
import { UNDICI_MORE } from './table-undici-more.ts';
import { WEBSOCKETS } from './table-ws.ts';

export const ADVISORIES: readonly Advisory[] = [
  ...FASTIFY,
  ...PROXIES,
  ...UNDICI_HTTP,
  ...UNDICI_MORE,
  ...WEBSOCKETS,
  ...NODE,
  ...NODE_MORE,
];

/** The title of an advisory's test. Throws for one that is not in the table, or of which it says that nothing is shown. */
export function shows(id: string): string {
  const advisory = ADVISORIES.find((candidate) => candidate.id === id);
  if (advisory === undefined || !('shown' in advisory.here)) throw new Error(`nothing is shown of ${id}`);
  return `${id} (${advisory.package}): ${advisory.here.shown}`;
}
