// What one key says of another about operators' matters: who is asked for accounts, and the tokens of the admin API.
import { type Finding, type Places, valueAt } from './places.ts';
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
