// The operators' page on the admin listener. It holds no data: who may load it is asked for a token by the API alone.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { PageFile, PageFiles } from '../console/files.ts';

export const CONSOLE_PREFIX = '/console/';

/** How a route of the page is told from others: by what matched, not by what the path looks like. */
export type ConsolePart = 'page' | 'asset';

/** Nothing of another host, nothing inline, and no other page around this one. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const DENIED = [
  'camera',
  'display-capture',
  'geolocation',
  'hid',
  'microphone',
  'midi',
  'payment',
  'publickey-credentials-get',
  'serial',
  'usb',
];

export const CONSOLE_HEADERS = {
  'content-security-policy': POLICY,
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': DENIED.map((feature) => `${feature}=()`).join(', '),
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // Asked for each time, answered 304 while it is the same: a new version is never mixed with an old one.
  'cache-control': 'no-cache',
} as const;

/** @param missing answers what is in no list */
export function serveConsole(
  admin: FastifyInstance,
  files: PageFiles,
  missing: (request: FastifyRequest) => never,
): void {
  const configOf = (part: ConsolePart) => ({ config: { part } });
  admin.get('/', configOf('page'), (request, reply) => answer(request, reply, files.page()));
  admin.get(`${CONSOLE_PREFIX}*`, configOf('asset'), (request, reply) => {
    const [path = ''] = request.url.split('?');
    const file = files.find(path.slice(CONSOLE_PREFIX.length));
    return file === undefined ? missing(request) : answer(request, reply, file);
  });
}

function answer(request: FastifyRequest, reply: FastifyReply, { body, type, etag }: PageFile): FastifyReply {
  reply.headers({ ...CONSOLE_HEADERS, etag });
  const known = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known?.includes(etag)) return reply.code(304).send();
  return reply.type(type).send(body);
}
