// The HTTP proxy through which regions are reached: `upstream.proxy`, and `regions.X.proxy` in its place.
import { z } from 'zod';
import type { UpstreamProxy } from './types.ts';
import { Unfit } from './units.ts';

export const PROXY =
  'the URL of an HTTP proxy, such as http://proxy.corp.example:3128 or https://USER:PASSWORD@proxy.corp.example:3129, or null';
/** Nobody is shown what may hold a password, also when it is not one. */
const UNSHOWN = 'a text (hidden: it may hold a password)';
const SIGNS = 'Signs such as @, : and / of a user or password are written as %40, %3A and %2F.';
const PROXY_URL =
  /^https?:\/\/(?:[^\s\\/?#@]*@)?[\w.-]+(?::\d{1,5})?\/?$|^https?:\/\/(?:[^\s\\/?#@]*@)?\[[\da-f:.]+\](?::\d{1,5})?\/?$/i;

/** `undefined`: no credentials. A user without a password has the empty one. */
function readCredentials(url: URL): string | undefined | Unfit {
  const { username, password } = url;
  if (username === '' && password === '') return undefined;
  try {
    const user = decodeURIComponent(username);
    const text = `${user}:${decodeURIComponent(password)}`;
    // The first colon ends the name, and no control character is allowed (RFC 7617, 2).
    if (user.includes(':') || /\p{Cc}/u.test(text))
      return new Unfit(PROXY, 'A user name has no colon, and neither part control characters.');
    return `Basic ${Buffer.from(text).toString('base64')}`;
  } catch {
    return new Unfit(PROXY, 'A % in a user or password is written as %25.');
  }
}

export function readProxy(text: string): UpstreamProxy | Unfit {
  if (!/^https?:\/\//i.test(text)) return new Unfit(PROXY, 'Write it with http:// or https:// in front.');
  const url = PROXY_URL.test(text) ? URL.parse(text) : null;
  if (url === null) return new Unfit(PROXY, `It has no path and no query. ${SIGNS}`);
  const authorization = readCredentials(url);
  if (authorization instanceof Unfit) return authorization;
  return { origin: url.origin, ...(authorization !== undefined && { authorization }) };
}

/** For `null` too, for which empty stands in the environment. */
function proxyOrNull() {
  const written = z.string({ error: PROXY }).transform((text, context): UpstreamProxy => {
    const read = readProxy(text);
    if (!(read instanceof Unfit)) return read;
    context.addIssue({ code: 'custom', message: read.expected, params: { hint: read.hint, found: UNSHOWN } });
    return z.NEVER;
  });
  return z.preprocess((value) => (value === '' || value === 'null' ? null : value), written.nullable());
}

/** `undefined`: none. */
export const upstreamProxy = () =>
  proxyOrNull()
    .transform((proxy) => proxy ?? undefined)
    .prefault(null)
    .describe('HTTP proxy through which regions are reached (CONNECT), with its credentials. null: none.');

/** `undefined`: as `upstream.proxy` has it; `null`: none. */
export const regionProxy = () =>
  proxyOrNull().optional().describe('The proxy for this region, in place of upstream.proxy. null: none.');
