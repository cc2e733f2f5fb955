// The shape of the configuration file: every key, its default and its documentation; sections stand in
// schema-callers.ts and schema-regions.ts. What one key says of another is in checks.ts; the shape of the result in
// types.ts.
import { duration, oneOf, section, text } from './fields.ts';
import { DEFAULT_KEY_FILE, KEY_FILE, readKeyFile } from './paths.ts';
import { accounts } from './schema-accounts.ts';
import { audit } from './schema-audit.ts';
import { request } from './schema-bounds.ts';
import { admin, limits, listen, reference, replay } from './schema-callers.ts';
import { log } from './schema-log.ts';
import { overload } from './schema-overload.ts';
import { anonymous, health, passthrough, regions, self, upstream } from './schema-regions.ts';
import { reload } from './schema-reload.ts';
import { tracing } from './schema-tracing.ts';
import { DEFAULT_STORE, readStore, STORE } from './store-url.ts';
import { workers } from './workers.ts';

export { RESERVED_SEGMENTS } from './names.ts';
export { admin, listen } from './schema-callers.ts';
export type * from './types.ts';

const privateRoutes = section({
  verify: oneOf(['authcheck', 'presence'])
    .prefault('authcheck')
    .describe(
      'Credentials on private routes: asked of the region (authcheck), or only that there are some (presence).',
    ),
  ownership: oneOf(['enforce', 'off'])
    .prefault('enforce')
    .describe("Another account's metadata keys: answered as unknown ones (enforce), or left to the region (off)."),
});

/** What the gateway keeps on disk. Relative paths start at `folder`. */
const kept = (folder: string) => ({
  store: text(STORE, readStore(folder))
    .prefault(DEFAULT_STORE)
    .describe("The gateway's database: sqlite:PATH, from the folder of this file, or the URL of a Valkey or Redis."),
  storeTimeout: duration().prefault('50ms').describe('How long a request waits for the database in all.'),
  identityKey: text(KEY_FILE, readKeyFile(folder))
    .prefault(DEFAULT_KEY_FILE)
    .describe('File of the key by which names are hashed; made on first start. GATEWAY_IDENTITY_KEY goes before it.'),
});

/**
 * The schema of a configuration file. References to regions are held against `names`; without names they may be any.
 * `folder` is where the file lies. `z.toJSONSchema(configSchema(), { io: 'input' })` gives every key with its default
 * and documentation.
 */
export function configSchema(names: readonly string[] = [], folder = '.') {
  return section({
    listen: listen(folder).prefault({}).describe('The listener for callers.'),
    admin: admin.prefault({}).describe('The listener for operators: metrics, health.'),
    regions: regions(folder),
    accounts: accounts(names, folder).prefault({}).describe('Where accounts live.'),
    anonymous: anonymous(names).prefault({}).describe('Where calls without credentials go when nothing else tells.'),
    private: privateRoutes.prefault({}).describe('Routes that need credentials.'),
    errors: oneOf(['accurate', 'verbatim'])
      .prefault('accurate')
      .describe("The service's ambiguous 404s: with their true status (accurate), or as they come (verbatim)."),
    passthrough: passthrough(names).prefault([]).describe('Paths outside the API that go to a region as they come.'),
    limits: limits.prefault({}).describe('How much callers may ask: `requests` in `per`, up to `burst` at once.'),
    upstream: upstream.prefault({}).describe('Connections to the regions.'),
    health: health.prefault({}).describe('How the gateway finds that a region does not answer.'),
    request: request.prefault({}).describe('What callers may send.'),
    overload: overload.prefault({}).describe('Whom a thread turns away that has more to do than it can do in time.'),
    replay: replay.prefault({}).describe('Answers kept for callers that repeat with Idempotency-Key, or off.'),
    reference: reference.prefault({}).describe('What tells callers of the API.'),
    self: self(names).prefault({}).describe('For organisations that run one gateway per region.'),
    reload: reload.prefault({}).describe('When the gateway reads this file again.'),
    workers: workers()
      .prefault('auto')
      .describe(
        'Threads that answer callers: auto is one for each core that the gateway may use, 1 is none beside the main one.',
      ),
    ...kept(folder),
    audit: audit(folder).prefault({}).describe('What the gateway proves of every request, or file: null.'),
    log: log.prefault({}).describe('What the gateway logs.'),
    tracing: tracing.prefault({}).describe('OpenTelemetry spans of what becomes of a request.'),
  }).transform(({ storeTimeout: storeTimeoutMs, identityKey: identityKeyFile, ...others }) => {
    return { ...others, storeTimeoutMs, identityKeyFile };
  });
}
