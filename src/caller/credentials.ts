// HTTP Basic credentials, read strictly: what the gateway reads is what the region will read, or it is malformed.

import { isUtf8 } from 'node:buffer';
import type { Credentials } from '../domain.ts';

/** Of the whole header value; node's parser hands over one character a byte. */
const HEADER_LIMIT_BYTES = 8192;
/** Of the account name, in UTF-16 units. */
const NAME_LIMIT_CHARACTERS = 256;
const SPACE = 0x20;

/**
 * Whitespace, and what is not seen: control (Cc) and format (Cf: zero width, direction, byte order mark) characters.
 * One side may trim or skip them where the other does not, and then the two would speak of different accounts.
 */
const UNSEEN = /[\s\p{White_Space}\p{Cc}\p{Cf}]/u;

/** Nearly all credentials: printable ASCII without a space. What is UTF-8, or unseen, need not be asked of them. */
const PLAIN = /^[!-~]*$/;

/**
 * Reads an Authorization header value (RFC 7617). Never throws.
 *
 * - `absent`: no header, or the empty name with the empty token (`Basic Og==`), which one real client always sends.
 * - `malformed`: anything else that is not a name and a token: another scheme, base64 that is not canonical (RFC 4648
 *   section 4: standard alphabet, padded, no stray bits; Node's decoder accepts base64url and junk, Ruby's other
 *   junk), bytes that are not UTF-8, no colon, an empty name or token, a name over 256 characters or with characters
 *   that cannot be seen, a header over 8 KiB.
 *
 * The first colon divides, so tokens may hold colons; names may not.
 * @param digestOf for `Credentials.digest`, of the canonical header
 */
export function parseCredentials(
  header: string | undefined,
  digestOf?: (header: string) => string,
): Credentials | 'absent' | 'malformed' {
  if (header === undefined) return 'absent';
  if (header.length > HEADER_LIMIT_BYTES) return 'malformed';
  const encoded = afterScheme(header);
  if (encoded === undefined) return 'malformed';

  // Whatever the lenient decoder skipped, completed or ignored does not come back when encoded again.
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded) return 'malformed';

  const latin1 = bytes.toString('latin1');
  const isPlain = PLAIN.test(latin1);
  if (!isPlain && !isUtf8(bytes)) return 'malformed';
  const text = isPlain ? latin1 : bytes.toString('utf8');
  if (text === ':') return 'absent';
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1 || colon > NAME_LIMIT_CHARACTERS) return 'malformed';
  const name = text.slice(0, colon);
  if (!isPlain && UNSEEN.test(name)) return 'malformed';
  const canonical = `Basic ${encoded}`;
  return { name, token: text.slice(colon + 1), header: canonical, digest: digestOf?.(canonical) };
}

/**
 * The form of an account name under which it is looked up: lower case, NFC. The region is case-sensitive and has the
 * last word on who somebody is; here every spelling of a name has to meet the same rule, so that nobody leaves a pinned
 * region, or gets a fresh allowance, by writing a name in capitals or with combining accents. Normalised again after
 * lower-casing, which may leave pairs that compose. Only for lookup: what is sent to the region is sent as it came.
 */
export function accountKey(name: string): string {
  // ASCII is in NFC as it is.
  if (PLAIN.test(name)) return name.toLowerCase();
  return name.normalize('NFC').toLowerCase().normalize('NFC');
}

/** What follows `Basic` and one or more spaces, or undefined. */
function afterScheme(header: string): string | undefined {
  if (header.charCodeAt(5) !== SPACE || header.slice(0, 5).toLowerCase() !== 'basic') return undefined;
  let start = 6;
  while (header.charCodeAt(start) === SPACE) start++;
  return start < header.length ? header.slice(start) : undefined;
}
