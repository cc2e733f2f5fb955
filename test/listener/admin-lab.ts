// The admin listener over a real desk and a real store, with a log that can be read and a clock that can be moved.
import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { accountKey } from '../../src/caller/credentials.ts';
import type { KeyedHash, RegionName } from '../../src/domain.ts';
import { createKeyedHash } from '../../src/keyed-hash.ts';
import { type AdminApi, createAdminListener } from '../../src/listener/admin.ts';
import { adminDocument } from '../../src/listener/admin-openapi.ts';
import { ADMIN_PREFIX, ADMIN_ROUTES, methodsAt } from '../../src/listener/admin-routes.ts';
import { SCHEMAS } from '../../src/listener/admin-schemas.ts';
import { createDesk, type Desk } from '../../src/locality/desk.ts';
import type { DirectoryStore } from '../../src/store/directory-store.ts';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite.ts';
import { type Events, listen } from '../support/events.ts';
import { call, type Reply } from '../support/http.ts';
import { type InsightTools, insightTools } from './admin-tools.ts';

export const READER = `otga_${'r'.repeat(43)}`;
export const WRITER = `otga_${'w'.repeat(43)}`;
/** What must never be seen in a log: names, keys, paths. */
export const NAME = 'canary.name@corp.example';
export const KEY = 'canarykey0123456789abcdefghijkl';
export const REGIONS = ['us', 'eu'] as RegionName[];

const sha256 = (token: string): Buffer => createHash('sha256').update(token).digest();
export const TOKENS: AdminApi['tokens'] = [
  { name: 'watcher', role: 'read', sha256: sha256(READER) },
  { name: 'deploy', role: 'write', sha256: sha256(WRITER) },
];

export interface AdminLab {
  readonly app: FastifyInstance;
  readonly url: string;
  readonly store: SqliteStore;
  readonly log: string[];
  /** As the tests' own desk, to look at what came of a call. */
  readonly desk: Desk;
  /** With the write token, unless `headers` has another Authorization. Every answer is held to the document. */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  /** Listens to events with the read token, unless `headers` has another Authorization. */
  listen(path: string, headers?: Record<string, string>): Promise<Events & { body(): Promise<string> }>;
  /** What the gateway tells of itself. */
  readonly tools: InsightTools;
  advance(ms: number): void;
  /** The address that callers seem to come from; undefined: the socket's. */
  peer: string | undefined;
  close(): Promise<void>;
}

export interface AdminLabOptions
  extends Partial<
    Pick<AdminApi, 'tokens' | 'hosts' | 'lookupKey' | 'explain' | 'desk' | 'live' | 'verification' | 'console'>
  > {
  /** Tools that this gateway does not have. */
  readonly without?: readonly ('snapshot' | 'configuration' | 'logLevel' | 'audit')[];
  /** In place of the real directory's own: faults that an embedded engine does not have. */
  readonly directory?: Partial<DirectoryStore>;
  /** Left out: 127.0.0.1. */
  readonly listenAt?: string;
}

const EXPLANATION = {
  route: 'v1.secret.retrieve',
  access: 'anonymous',
  effect: 'destroys',
  steps: [{ rule: 1, says: 'no region is named' }],
  decision: 'permit',
  region: 'eu',
  reason: 'key_held',
  credentials: 'none',
  verify_at: null,
  refusal: null,
} as const;

export const HASH = createKeyedHash(Buffer.alloc(32, 7));

export function hashOfKey(key: string): KeyedHash {
  return HASH('held-key', key);
}

interface Operation {
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}
const DOCUMENT = adminDocument('1.2.3') as { paths: Record<string, Record<string, Operation>> };

/** The head of a stream; what it says is looked at where it is listened to. */
async function headOf(stream: Events & { body(): Promise<string> }): Promise<Reply> {
  const { status } = stream;
  const headers = Object.fromEntries(Object.entries(stream.headers).map(([name, value]) => [name, String(value)]));
  if (status === 200) stream.close();
  const body = await stream.body();
  return { status, headers, body, json: () => JSON.parse(body) as Record<string, unknown> };
}

/** Throws where an answer is not one that the document tells of. */
function checkDocumented(method: string, path: string, reply: Reply): void {
  const [bare = ''] = path.split('?');
  // A stream has no end; its events are looked at where they are listened to.
  if (reply.headers['content-type']?.startsWith('text/event-stream')) return;
  const row = ADMIN_ROUTES.find(
    (candidate) =>
      candidate.method === method &&
      new RegExp(`^${ADMIN_PREFIX}${candidate.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(bare),
  );
  if (row === undefined || !methodsAt(bare).includes(method)) return;
  const documented = DOCUMENT.paths[row.path]?.[method.toLowerCase()]?.responses[reply.status];
  if (documented === undefined) throw new Error(`${row.id} answered ${reply.status}, which is not documented`);
  const success = row.answers[reply.status];
  (success ?? SCHEMAS.Refused).parse(reply.json());
  if (success === undefined && !documented.description.split(', ').includes(String(reply.json().error))) {
    throw new Error(`${row.id} answered ${reply.json().error}, which is not documented`);
  }
}

export async function openAdminLab(options: AdminLabOptions = {}): Promise<AdminLab> {
  let offsetMs = 0;
  const now = (): number => Date.now() + offsetMs;
  const store = openSqliteStore(':memory:', { now });
  const desk = (actor: string): Desk =>
    createDesk({
      store: { ...store.directory, ...options.directory },
      actor,
      hashes: { current: HASH, older: [] },
      normalise: accountKey,
      regions: REGIONS,
      order: ['directory', 'rules'],
      locateByRules: () => ({ kind: 'missing' }),
    });
  await store.putKeys([
    { hash: hashOfKey(KEY), region: 'eu', kind: 'secret', owner: undefined, expiresAtMs: Math.ceil(now()) + 3_600_000 },
  ]);
  const log: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log.push(chunk.toString());
      done();
    },
  });

  async function regions() {
    const news = await store.directory.follow(undefined, undefined);
    const drained = news.kind === 'found' ? news.value.drained : [];
    return REGIONS.map((name) => ({
      name,
      up: true,
      breaker: 'closed' as const,
      failures: 0,
      drained: drained.includes(name),
    }));
  }

  const { directory: _faults, listenAt: _address, without = [], ...given } = options;
  const tools = insightTools(REGIONS);
  const { snapshot, configuration, logLevel, audit } = tools;
  const app = createAdminListener({
    scrape: async () => ({ body: 'metric 1\n', contentType: 'text/plain; version=0.0.4' }),
    isReady: () => true,
    api: {
      tokens: TOKENS,
      hosts: ['admin.corp.example'],
      desk,
      explain: async () => EXPLANATION,
      lookupKey: (by) => store.findKey('key' in by ? hashOfKey(by.key) : by.hash),
      ...{ snapshot, configuration, logLevel, audit },
      ...Object.fromEntries(without.map((name) => [name, undefined])),
      ...given,
      regions,
      store,
      now,
      log: pino({ level: 'trace' }, sink),
      version: '1.2.3',
      peerAddress: ({ socket }) => lab.peer ?? socket.remoteAddress ?? '',
    },
  });
  const host = options.listenAt ?? '127.0.0.1';
  await app.listen({ host, port: 0 });
  const url = `http://${host}:${(app.server.address() as AddressInfo).port}`;

  const lab: AdminLab = {
    app,
    url,
    store,
    log,
    desk: desk('cli:test'),
    tools,
    listen: (path, headers = {}) => listen(url, path, { authorization: `Bearer ${READER}`, ...headers }),
    peer: undefined,
    async ask(method, path, body, headers = {}) {
      const sent = {
        authorization: `Bearer ${WRITER}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      };
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const isStream = method === 'GET' && path.startsWith('/admin/v1/live');
      const reply = isStream
        ? await headOf(await listen(url, path, sent))
        : await call(url, method, path, { headers: sent, ...(text === undefined ? {} : { body: text }) });
      checkDocumented(method, path, reply);
      return reply;
    },
    advance: (ms) => {
      offsetMs += ms;
    },
    async close() {
      await app.close();
      await store.close();
    },
  };
  return lab;
}
