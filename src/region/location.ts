// Headers of a region's answers that lead a caller, or its browser, elsewhere. None may lead to another region behind the
// gateway's back, and none to an upstream, whose address is nobody's matter.
import type { RegionName } from '../domain.ts';

/** A region by all its names (config/types.ts). */
export interface RegionNames {
  readonly name: RegionName;
  readonly upstreams: readonly string[];
  readonly hosts: readonly string[];
  readonly web: string;
}

/** A host to which no answer may send a caller: lower case, without port. */
export type IsForbiddenHost = (host: string) => boolean;

/** Hosts to which no answer of a region's may lead: every region's upstreams, and the other regions' public names. */
export function forbiddenHosts(regions: readonly RegionNames[], own: RegionName): ReadonlySet<string> {
  const urls = regions.flatMap(({ name, upstreams, web }) => (name === own ? upstreams : [...upstreams, web]));
  const names = regions.flatMap(({ name, hosts }) => (name === own ? [] : hosts));
  return new Set([...urls.map(hostOf), ...names]);
}

const RELATIVE = 'relative.invalid';

/** As a resolver understands it: without the dot of the root. */
function hostOf(url: string): string {
  return new URL(url).hostname.replace(/\.$/, '');
}

/** Of a URL or a reference to one (RFC 3986, 4.1), as browsers read it. `undefined`: nowhere that a browser goes over HTTP. */
function goalOf(reference: string): string | undefined {
  const url = URL.parse(reference, `http://${RELATIVE}`);
  return url !== null && /^https?:$/.test(url.protocol) ? hostOf(url.href) : undefined;
}

/** Whether a Location leads to a page of the gateway's own, or out into the world, but to no region behind its back. */
export function mayLead(location: string, isForbidden: IsForbiddenHost): boolean {
  const goal = goalOf(location);
  return goal !== undefined && (goal === RELATIVE || !isForbidden(goal));
}

/** Where the headers have their references; lower case. A Map: a header may have any name. */
const REFERENCES = new Map<string, (value: string) => readonly string[]>([
  ['location', (value) => [value]],
  ['content-location', (value) => [value]],
  // `5; url=/next`, with quotation marks or without (HTML, the refresh algorithm).
  ['refresh', (value) => [/^[^;,]*[;,]\s*(?:url\s*=)?\s*["']?([^"']*)/i.exec(value)?.[1] ?? '']],
  // `<https://x>; rel=next, </y>` (RFC 8288, 3).
  ['link', (value) => [...value.matchAll(/<([^>]*)>/g)].map(([, reference = '']) => reference)],
]);

/**
 * Whether a header of an answer leads to a region behind the gateway's back.
 * @param name lower case
 */
export function leadsAstray(name: string, value: string, isForbidden: IsForbiddenHost): boolean {
  const references = REFERENCES.get(name)?.(value) ?? [];
  return references.some((reference) => {
    const goal = goalOf(reference);
    return goal !== undefined && isForbidden(goal);
  });
}
