// The list of recent secrets without secret keys: the documentation promises it, newer versions of the service break it
// (UPSTREAM.md, 0.24 to 0.26), and the gateway keeps it.

/** What could be a key, wherever it stands in a text. */
const KEY_RUNS = /[0-9A-Za-z_-]{20,128}/g;
/** Exactly the form of the service's keys: 31 characters of base 36, about 62 since 0.24. */
const SERVICE_KEY = /^(?:[0-9a-z]{31}|[0-9a-z]{56,70})$/;
/** In a path or link to a secret, as in `share_path`, `share_url`, `?secret=`. */
const AFTER_SECRET = /secrets?[/=:]([0-9A-Za-z_-]{20,128})/gi;
/** Names that say that what is under them is, or holds, a secret's key: `secret_key`, `secretIdentifier`, `secret`. */
const SECRET_NAME = /secret/i;
/** Names of the metadata's own key, where nothing above them names a secret. */
const METADATA_NAME = /^(?:(?:metadata|receipt)_?(?:key|identifier|id)|key|identifier|id)$/i;

/** What a walk through the list finds. */
interface Found {
  /** Keys of metadata: what the list is for. */
  readonly metadata: Set<string>;
  /** Keys of secrets, under whatever name they came. */
  readonly secrets: Set<string>;
}

function look(value: unknown, name: string, inSecret: boolean, found: Found): void {
  if (typeof value === 'string') {
    if (inSecret) for (const run of value.match(KEY_RUNS) ?? []) found.secrets.add(run);
    for (const [, key = ''] of value.matchAll(AFTER_SECRET)) found.secrets.add(key);
    if (!inSecret && METADATA_NAME.test(name)) found.metadata.add(value);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [inner, child] of Object.entries(value)) {
    if (inSecret) for (const run of inner.match(KEY_RUNS) ?? []) found.secrets.add(run);
    const childName = Array.isArray(value) ? name : inner;
    look(child, childName, inSecret || SECRET_NAME.test(childName), found);
  }
}

/** A copy without what tells a secret's key; undefined where nothing of `value` may stay. */
function prune(value: unknown, tells: (text: string) => boolean): unknown {
  if (typeof value === 'string') return tells(value) ? undefined : value;
  if (Array.isArray(value)) return value.map((item) => prune(item, tells)).filter((item) => item !== undefined);
  if (typeof value !== 'object' || value === null) return value;
  const kept: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(value)) {
    const pruned = tells(name) ? undefined : prune(child, tells);
    if (pruned !== undefined) kept[name] = pruned;
  }
  return kept;
}

/**
 * Prunes the answer of a `recent` route. A key of metadata stays under every name, a key of a secret under none: not as a
 * value, within a path or link, or as a property's name; what has exactly the form of a key and is no known metadata's
 * goes, too.
 * @param body the answer, of whatever status
 * @returns the same bytes where nothing had to go; else the JSON anew; undefined when the body is no JSON and so cannot be
 *   vouched for
 */
export function withoutSecretKeys(body: Buffer): Buffer | undefined {
  const text = body.toString('utf8');
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return undefined;
  }
  const found: Found = { metadata: new Set(), secrets: new Set() };
  look(list, '', false, found);
  for (const key of found.metadata) found.secrets.delete(key);
  const secrets = [...found.secrets];
  const tells = (value: string): boolean =>
    secrets.some((key) => value.includes(key)) || (SERVICE_KEY.test(value) && !found.metadata.has(value));
  const pruned = JSON.stringify(prune(list, tells) ?? null);
  // A member that comes twice is in the bytes, and not in what was parsed: only what reads the same may stay as it is.
  return pruned === text.trim() ? body : Buffer.from(pruned);
}
