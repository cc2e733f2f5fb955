// Which request targets are passed through: raw bytes, nothing decoded, collapsed or repaired. What two programs could
// read in two ways is refused, so what was matched is exactly what is sent.

/** What may stand in a path (RFC 3986, 3.3: pchar) beside `/`; a `%` is looked at further. */
const PATH = /^[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*$/;
/** Printable ASCII: what stands in a query is the region's own matter, but for a fragment, which is never sent. */
const QUERY = /^[!-"$-~]*$/;
/** What the path must not hold once it is decoded: slashes (they are counted), backslashes, control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const HIDDEN = /[\\\u0000-\u001f\u007f-\u009f]/;
/** A path that may be decoded once more. However harmless, nobody can say how often that happens on its way. */
const ENCODED_AGAIN = /%(?:[0-9A-Fa-f]{2}|u)/;

function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? target : target.slice(0, mark);
}

/**
 * Whether a request target stands under a prefix, at a segment boundary, case-sensitively.
 * @param target as received, with query
 * @param prefix `/help`
 */
export function isUnder(target: string, prefix: string): boolean {
  if (!target.startsWith(prefix)) return false;
  const next = target[prefix.length];
  return next === undefined || next === '/' || next === '?';
}

/** `.`, and the same with parameters (`.;x`), which some servers take for it. */
function isDotSegment(segment: string): boolean {
  return segment === '.' || segment.startsWith('.;');
}

function slashesOf(path: string): number {
  return path.split('/').length;
}

/**
 * Whether a request target may be sent on as it is: one path, whoever reads it. Not so are dot segments, backslashes,
 * encoded slashes and control characters (decoded any number of times), a `%` without two digits or outside UTF-8, `//`,
 * and what a URL parser would write in another way.
 * @param target as received, with query
 */
export function isPlainTarget(target: string): boolean {
  const path = pathOf(target);
  if (!PATH.test(path) || !QUERY.test(target.slice(path.length))) return false;
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return false;
  }
  if (HIDDEN.test(decoded) || ENCODED_AGAIN.test(decoded) || slashesOf(decoded) !== slashesOf(path)) return false;
  // Also `..;x`, which some servers take for `..`; @fastify/reply-from refuses them all the same.
  if (decoded.includes('/..') || decoded.includes('../')) return false;
  const segments = decoded.split('/');
  // The first is empty, before the leading slash; the last may be, after a closing one.
  return segments.every((segment, at) => {
    if (segment === '') return at === 0 || at === segments.length - 1;
    return !isDotSegment(segment);
  });
}
