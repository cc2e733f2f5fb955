// The Idempotency-Key request header (draft-ietf-httpapi-idempotency-key-header-07), read strictly: two callers' tools
// that write the same value differently mean the same key, and what could mean two things is refused.

/** Fewer are guessed too easily: the value seals the answer. */
export const KEY_MIN_CHARACTERS = 16;
export const KEY_MAX_CHARACTERS = 255;

const NAME = 'idempotency-key';
const SPACE = 0x20;
const TAB = 0x09;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const TILDE = 0x7e;

export type IdempotencyKey =
  | { readonly kind: 'absent' }
  /** `key` is what the answer is sealed with: a secret, never logged or kept. */
  | { readonly kind: 'given'; readonly key: string }
  /** For a 400: `hint` says what the caller can do, and holds nothing of the header. */
  | { readonly kind: 'malformed'; readonly hint: string };

const ABSENT = { kind: 'absent' } as const;
const TWICE = { kind: 'malformed', hint: 'Send Idempotency-Key once.' } as const;
const UNREADABLE = {
  kind: 'malformed',
  hint: 'Idempotency-Key is one string of printable ASCII: "8e03978e-40d5-43e8-bc93-6894a57f9324", with the quotes or without.',
} as const;
const WRONG_LENGTH = {
  kind: 'malformed',
  hint: `Idempotency-Key has ${KEY_MIN_CHARACTERS} to ${KEY_MAX_CHARACTERS} characters: the kept answer is sealed with it. Use a random one, for example a UUID.`,
} as const;

/**
 * @param raw the request's headers as received, flat: name, value, ... (Node's joined form hides that one came twice)
 */
export function readIdempotencyKey(raw: readonly string[]): IdempotencyKey {
  let value: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (name.length !== NAME.length || name.toLowerCase() !== NAME) continue;
    // The draft, 2.1: clients must not send more than one.
    if (value !== undefined) return TWICE;
    value = raw[i + 1] ?? '';
  }
  return value === undefined ? ABSENT : parseIdempotencyKey(value);
}

/**
 * One field value: a structured-field String (RFC 9651, 3.3.3), as the draft's 2.1 says, or the same text without its
 * quotes, as most clients send it. Never throws.
 *
 * Refused as ambiguous: a bare value with a quote, or with a comma (two fields that a proxy joined into one, RFC 9110
 * 5.3), and parameters after the string, of which the draft defines none.
 */
export function parseIdempotencyKey(value: string): IdempotencyKey {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start++;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--;
  const text = start === 0 && end === value.length ? value : value.slice(start, end);

  const key = text.charCodeAt(0) === QUOTE ? quoted(text) : bare(text);
  if (key === undefined) return UNREADABLE;
  if (key.length < KEY_MIN_CHARACTERS || key.length > KEY_MAX_CHARACTERS) return WRONG_LENGTH;
  return { kind: 'given', key };
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function isPrintable(code: number): boolean {
  return code >= SPACE && code <= TILDE;
}

function bare(text: string): string | undefined {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isPrintable(code) || code === QUOTE || code === COMMA) return undefined;
  }
  return text;
}

/** RFC 9651, 4.2.5: a backslash stands only before a quote or a backslash, and nothing follows the closing quote. */
function quoted(text: string): string | undefined {
  let key = '';
  for (let i = 1; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code === QUOTE) return i === text.length - 1 ? key : undefined;
    if (code === BACKSLASH) {
      code = text.charCodeAt(++i);
      if (code !== QUOTE && code !== BACKSLASH) return undefined;
    } else if (!isPrintable(code)) {
      return undefined;
    }
    key += text.charAt(i);
  }
  return undefined;
}
