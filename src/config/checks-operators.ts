// What one key says of another about operators' matters: who is asked for accounts, and the tokens of the admin API.
import { type Finding, type Places, valueAt } from './places.ts';
import { SOURCE_AGES } from './schema-accounts.ts';
import { readDurationMs } from './units.ts';
import { Firsts, keysAt } from './walk.ts';

/** Each place once; a source that is never asked is a mistake. */
export function checkOrder(tree: unknown, places: Places): Finding[] {
  const order = valueAt(tree, ['accounts', 'order']);
  if (!Array.isArray(order)) return [];
  const firsts = new Firsts(places);
  const findings = order.flatMap((place: unknown, index): Finding[] => {
    const path = ['accounts', 'order', index];
    if (typeof place !== 'string' || firsts.lineBefore(place, path) === undefined) return [];
    return [{ path, expected: `each place once: ${place} stands in this list already` }];
  });
  if (order.includes('source') || keysAt(tree, ['accounts', 'source']).length === 0) return findings;
  const expected = 'source in accounts.order, too: without it this source is never asked';
  return [...findings, { path: ['accounts', 'source'], expected }];
}

/** An answer that is no longer used before it would be asked for anew is never asked for anew. */
export function checkSource(tree: unknown): Finding[] {
  const source = valueAt(tree, ['accounts', 'source']);
  if (source === undefined) return [];
  const ages = (['refresh', 'expire'] as const).map((key) =>
    readDurationMs(String(valueAt(source, [key]) ?? SOURCE_AGES[key])),
  );
  const [refresh, expire] = ages;
  if (typeof refresh !== 'number' || typeof expire !== 'number' || refresh <= expire) return [];
  const key = valueAt(source, ['expire']) === undefined ? 'refresh' : 'expire';
  const expected = key === 'expire' ? 'a duration of refresh or longer' : 'a duration up to that of expire';
  return [{ path: ['accounts', 'source', key], expected }];
}

/** Events tell who did something by the token's name. */
export function checkTokens(tree: unknown, places: Places): Finding[] {
  const tokens = valueAt(tree, ['admin', 'tokens']);
  if (!Array.isArray(tokens)) return [];
  const names = new Firsts(places);
  return tokens.flatMap((token: unknown, index): Finding[] => {
    const path = ['admin', 'tokens', index, 'name'];
    const name = valueAt(token, ['name']);
    const line = typeof name === 'string' ? names.lineBefore(name, path) : undefined;
    return line === undefined ? [] : [{ path, expected: `a name of its own: line ${line} has the same` }];
  });
}
