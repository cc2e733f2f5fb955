// Where an account lives: the directory, a source of the organisation's own and the rules are asked in the configured
// order, and the first that knows the account decides. One that cannot tell ends the search: the next ones might know
// the account, too, and say something else.
import type { Found, Locality, Patience } from '../domain.ts';

/** Asked for an account by its normalised name. Never throws, never rejects. */
export type Locate = (
  account: string,
  patience: Patience,
  /** Of the credentials under which the name came: says at once what it was found to be before. */
  digest?: string | undefined,
) => Found<Locality> | Promise<Found<Locality>>;

const MISSING: Found<Locality> = { kind: 'missing' };

/**
 * @param places in the order to be asked
 * @param normalise the form in which names are compared (caller/credentials.ts accountKey)
 * @returns stays synchronous as long as the places do
 */
export function createLocalities(places: readonly Locate[], normalise: (name: string) => string): Locate {
  /** @param nobody what is answered when no further place knows: as long in force as the directory's word that it does not */
  function ask(
    account: string,
    patience: Patience,
    at: number,
    nobody: Found<Locality>,
    digest: string | undefined,
  ): Found<Locality> | Promise<Found<Locality>> {
    const place = places[at];
    if (place === undefined) return nobody;
    const answer = place(account, patience, digest);
    const next = (found: Found<Locality>): Found<Locality> | Promise<Found<Locality>> => {
      if (found.kind !== 'missing') return found;
      return ask(account, patience, at + 1, found.term === undefined ? nobody : found, digest);
    };
    return answer instanceof Promise ? answer.then(next) : next(answer);
  }
  return (name, patience, digest) => ask(normalise(name), patience, 0, MISSING, digest);
}
