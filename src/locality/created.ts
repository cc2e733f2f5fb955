// The keys in a create's answer, whatever the API's version calls them.

/** What a create made. */
export interface Created {
  readonly secret: string;
  readonly metadata: string;
  /** How long the region keeps the metadata, and so the longest that either key means anything. */
  readonly ttlSeconds: number;
}

/** The service keeps metadata for at most twice fourteen days, a self-hosted region may be set otherwise. */
const DEFAULT_TTL_SECONDS = 28 * 24 * 3600;

/** UPSTREAM.md, Keys. */
const KEY = /^[0-9A-Za-z_-]{20,128}$/;

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function firstKey(...candidates: unknown[]): string | undefined {
  return candidates.find((value): value is string => typeof value === 'string' && KEY.test(value));
}

/** Version 2 and some 0.26 answers write numbers as text. */
function firstSeconds(...candidates: unknown[]): number {
  for (const candidate of candidates) {
    const seconds = Number(candidate);
    if (typeof candidate !== 'boolean' && candidate !== null && candidate !== '' && seconds > 0) {
      return seconds;
    }
  }
  return DEFAULT_TTL_SECONDS;
}

/**
 * Reads the answer of share, create, generate, conceal: version 1 has the keys at the top (`secret_key`,
 * `metadata_key`; 0.24 and later also `..._identifier` and `receipt_...`), version 2 in `record.secret` and
 * `record.metadata` (later `receipt`).
 * @param body a successful answer's JSON
 * @returns undefined when no pair of keys is in it
 */
export function createdKeys(body: Buffer): Created | undefined {
  let answer: Fields;
  try {
    answer = fieldsOf(JSON.parse(body.toString('utf8')));
  } catch {
    return undefined;
  }
  const record = fieldsOf(answer.record);
  const inner = { secret: fieldsOf(record.secret), metadata: fieldsOf(record.metadata ?? record.receipt) };
  const secret = firstKey(
    answer.secret_key,
    answer.secret_identifier,
    inner.secret.key,
    inner.secret.identifier,
    inner.metadata.secret_key,
    inner.metadata.secret_identifier,
  );
  const metadata = firstKey(
    answer.metadata_key,
    answer.metadata_identifier,
    answer.receipt_key,
    answer.receipt_identifier,
    inner.metadata.key,
    inner.metadata.identifier,
  );
  if (secret === undefined || metadata === undefined) return undefined;
  const ttlSeconds = firstSeconds(
    answer.metadata_ttl,
    answer.receipt_ttl,
    inner.metadata.metadata_ttl,
    inner.metadata.receipt_ttl,
    inner.metadata.lifespan,
  );
  return { secret, metadata, ttlSeconds };
}
