// The answers that the gateway gives in place of a region: its own status, the unknown key, and the way to a secret's page.
import type { Classified, Permit, RegionName } from '../domain.ts';
import type { Answer, Call } from '../journey.ts';
import { Refusal, type RefusalCode } from '../refusal.ts';
import { linkPage, PAGE_POLICY } from './link-page.ts';

/** As a region's own header crosses. */
const CROSSING_TYPE = ['content-type', 'application/json; charset=utf-8'] as const;
const JSON_TYPE = ['Content-Type', 'application/json; charset=utf-8'] as const;
/** A page of a secret's link must not tell the link to anybody. */
const PRIVATE_PAGE = ['Referrer-Policy', 'no-referrer', 'X-Content-Type-Options', 'nosniff'] as const;

/** Nothing tells the one region, so a page offers them all; a link reaches none, so none is the wrong one. */
const OFFERING: ReadonlySet<RefusalCode> = new Set([
  'region_required',
  'held_elsewhere',
  'misdirected',
  'unknown_region',
  'region_conflict',
]);

export interface Own {
  /** A status call that names neither account nor region: the service's own words, said of the gateway. */
  status(): Answer;
  /**
   * What the region answers to a key that it does not know (UPSTREAM.md, Answers), to the header: whoever holds another's
   * key learns nothing of it. The record says that nothing was sent.
   */
  unknownKey(call: Call): Answer;
  /** 302 to the page of the region that holds the key, or 404 with a page that offers the regions. Retrieves nothing. */
  link(request: Classified, decision: Permit | Refusal): Answer;
}

/** @param webs each region's base URL for people, without a trailing slash */
export function createOwn(webs: ReadonlyMap<RegionName, string>): Own {
  const pageOf = (web: string, key: string): string => `${web}/secret/${key}`;
  return {
    status: () => ({ kind: 'own', status: 200, headers: JSON_TYPE, body: '{"status":"nominal","locale":"en"}' }),
    unknownKey({ request, permit, trip }) {
      trip.outcome = 'not_sent';
      const body = Buffer.from(JSON.stringify({ secret_key: request.key, message: 'Unknown secret' }));
      return { kind: 'region', region: permit.region, status: 404, headers: CROSSING_TYPE, body };
    },
    link({ key = '' }, decision) {
      const web = decision instanceof Refusal ? undefined : webs.get(decision.region);
      if (web !== undefined) {
        const headers = ['Location', pageOf(web, key), ...PRIVATE_PAGE];
        return { kind: 'own', status: 302, headers, body: '' };
      }
      if (decision instanceof Refusal && !OFFERING.has(decision.code)) {
        const { headers = [], ...details } = decision.details;
        return new Refusal(decision.code, { ...details, headers: [...headers, ...PRIVATE_PAGE] });
      }
      const links = [...webs].map(([region, base]) => ({ region, url: pageOf(base, key) }));
      const headers = [
        'Content-Type',
        'text/html; charset=utf-8',
        'Content-Security-Policy',
        PAGE_POLICY,
        ...PRIVATE_PAGE,
      ];
      return { kind: 'own', status: 404, headers, body: linkPage(links) };
    },
  };
}
