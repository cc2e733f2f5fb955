// The list of recent secrets without secret keys: the documentation promises it, newer versions of the service break it
// (UPSTREAM.md, 0.24 to 0.26), and the gateway keeps it.

/** A whole value that could be a key. */
const KEY_LIKE = /^[0-9A-Za-z_-]{20,128}$/;
/** A path or link to a secret, as in `share_path` and `share_url`. */
const SECRET_LINK = /secret\/[0-9A-Za-z_-]{20,128}/;
/** Names that say that the value is, or holds, a secret's key: `secret_key`, `secretIdentifier`, `secret`. */
const SECRET_NAME = /secret/i;
/** Key-like values that the list is for: the metadata's own key under its names, the account, and the like. */
const HARMLESS_NAMES = new Set([
  'key',
  'identifier',
  'metadata_key',
  'metadata_identifier',
  'receipt_key',
  'receipt_identifier',
  'custid',
  'owner_id',
  'share_domain',
  'recipient',
  'recipients',
  'shrimp',
  'shortkey',
  'shortid',
  'metadata_path',
  'metadata_url',
  'burn_path',
  'burn_url',
]);

function tells(name: string, value: string): boolean {
  if (SECRET_LINK.test(value)) return true;
  if (!KEY_LIKE.test(value)) return false;
  return SECRET_NAME.test(name) || !HARMLESS_NAMES.has(name);
}

/** A copy without the properties that tell a secret's key; what was dropped is added to `dropped`. */
function prune(value: unknown, name: string, dropped: Set<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => prune(item, name, dropped)).filter((item) => item !== undefined);
  if (typeof value === 'string') {
    if (!tells(name, value)) return value;
    if (KEY_LIKE.test(value)) dropped.add(value);
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return value;
  const kept: Record<string, unknown> = {};
  for (const [inner, child] of Object.entries(value)) {
    const pruned = prune(child, inner, dropped);
    if (pruned !== undefined) kept[inner] = pruned;
  }
  return kept;
}

/**
 * @param body the answer of a `recent` route
 * @returns the same JSON without any property that holds a secret's key, under whatever name; the very same bytes where
 *   nothing had to go; undefined when the body is no JSON and so cannot be vouched for
 */
export function withoutSecretKeys(body: Buffer): Buffer | undefined {
  let list: unknown;
  try {
    list = JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
  const dropped = new Set<string>();
  const before = JSON.stringify(list);
  let after = JSON.stringify(prune(list, '', dropped));
  if (after === before) return body;
  // A key that went under one name must not stay under a harmless one.
  if ([...dropped].some((key) => after.includes(key))) {
    after = JSON.stringify(prune(list, '', dropped), (_name, value: unknown) =>
      typeof value === 'string' && [...dropped].some((key) => value.includes(key)) ? undefined : value,
    );
  }
  return Buffer.from(after);
}
