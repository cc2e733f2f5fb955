// Who may import whom. The promises rest on it: one maker of permits, one door to the regions.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));

interface Import {
  /** Path of the importing file below src, for example `region/forward.ts`. */
  readonly file: string;
  /** The package, or the imported file below src. */
  readonly from: string;
  readonly names: string;
  readonly typeOnly: boolean;
}

const FILES = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

const IMPORTS: Import[] = FILES.flatMap((file) =>
  [...readFileSync(join(SRC, file), 'utf8').matchAll(/^(?:import|export) (type )?([^;]*?) from '([^']+)';/gm)].map(
    ([, type, names = '', from = '']) => ({
      file,
      names,
      typeOnly:
        type !== undefined ||
        names
          .replaceAll(/[{}]/g, '')
          .split(',')
          .every((name) => /^\s*(type |$)/.test(name)),
      from: from.startsWith('.') ? relative(SRC, join(SRC, dirname(file), from)) : from,
    }),
  ),
);

const room = (path: string): string => path.split('/')[0] ?? '';
/** Files that open rooms or stand outside the house: they may import any of them. */
const OUTSIDE = new Set([
  ...readdirSync(SRC).filter((file) => /^rooms(-\w+)?\.ts$/.test(file)),
  'gateway.ts',
  'house.ts',
  'places.ts',
  'reload.ts',
  'state.ts',
  'together.ts',
  'workers',
  'main.ts',
  'cli',
]);
/** Words that every room shares. */
const SHARED = new Set(['domain.ts', 'refusal.ts', 'keyed-hash.ts', 'bounded.ts', 'durable.ts', 'pieces.ts']);

function importersOf(from: RegExp, runtimeOnly = false): string[] {
  const found = IMPORTS.filter((entry) => from.test(entry.from) && !(runtimeOnly && entry.typeOnly));
  return [...new Set(found.map(({ file }) => file))].sort();
}

const HARMLESS = new Set([
  '',
  'BlockList',
  'SocketAddress',
  'isIP',
  'isIPv4',
  'isIPv6',
  'checkServerIdentity',
  'createSecureContext',
]);

describe('who may import whom', () => {
  it('only policy/decide.ts makes permits', () => {
    const makers = IMPORTS.filter(({ from, names }) => from === 'domain.ts' && /\bissuePermit\b/.test(names));
    expect(makers.map(({ file }) => file)).toEqual(['policy/decide.ts']);
  });

  it('only region/ opens connections to upstreams, and one file those to the directory of the organisation', () => {
    const strangers = importersOf(/^undici(\/|$)/).filter((file) => room(file) !== 'region');
    expect(strangers).toEqual(['locality/source-client.ts']);
    const sockets = IMPORTS.filter(({ from, typeOnly }) => /^(node:)?(net|tls|http2|dgram)$/.test(from) && !typeOnly);
    // This one listens, to find out whether somebody else does.
    const elsewhere = ({ file }: Import): boolean => room(file) !== 'twin' && file !== 'workers/port.ts';
    for (const { file, names } of sockets.filter(elsewhere)) {
      // Reading addresses, and judging a certificate, is not connecting.
      const used = names.replaceAll(/[{}\s]|type \w+/g, '').split(',');
      expect(used, file).toSatisfy((list: string[]) => list.every((name) => HARMLESS.has(name)));
    }
    const clients = IMPORTS.filter(({ from, names, typeOnly }) => {
      // A table of words is no client.
      const runtime = names
        .replaceAll(/[{}\s]|type \w+/g, '')
        .split(',')
        .filter((name) => name !== '');
      return /^(node:)?https?$/.test(from) && !typeOnly && runtime.some((name) => name !== 'STATUS_CODES');
    });
    expect(clients.filter(({ file }) => room(file) !== 'twin')).toEqual([]);
  });

  it('prom-client appears in two files of record/ alone, fastify in listener/', () => {
    expect(importersOf(/^prom-client$/)).toEqual(['record/aggregate.ts', 'record/metrics.ts']);
    for (const file of importersOf(/^fastify$/, true)) expect(room(file)).toBe('listener');
  });

  it('OpenTelemetry appears in two files of trace/ alone, which nothing but a dynamic import leads to', () => {
    expect(importersOf(/^@opentelemetry\//, true)).toEqual(['trace/export.ts', 'trace/provider.ts']);
    expect(importersOf(/^trace\/(export|provider)\.ts$/, true)).toEqual(['trace/provider.ts', 'trace/tracing.ts']);
    expect(importersOf(/^trace\/tracing\.ts$/, true)).toEqual([]);
  });

  it('rooms run on their own files and the shared words; journey.ts receives them as functions', () => {
    const strays = IMPORTS.filter(({ file, from, typeOnly }) => {
      if (typeOnly || !from.endsWith('.ts') || OUTSIDE.has(room(file))) return false;
      return room(from) !== room(file) && !SHARED.has(from) && room(from) !== 'shared-memory';
    });
    // respond.ts writes what a region answered, by the region's own list of headers that may cross.
    const allowed = new Set([
      'journey.ts <- region/headers.ts',
      'listener/respond.ts <- region/headers.ts',
      'listener/serve.ts <- record/record.ts',
      'caller/identify.ts <- caller/credentials.ts',
      // SQLite is the store's alone, and its locks are the only ones of the system that Node reaches.
      'audit/lock.ts <- store/file-lock.ts',
    ]);
    expect(strays.map(({ file, from }) => `${file} <- ${from}`).filter((stray) => !allowed.has(stray))).toEqual([]);
  });

  it('rooms never import config, and nothing but the command line and tests imports the twin', () => {
    const strays = IMPORTS.filter(({ file, from }) => {
      if (room(from) === 'config') return !OUTSIDE.has(room(file)) && room(file) !== 'config';
      return room(from) === 'twin' && room(file) !== 'cli' && room(file) !== 'twin';
    });
    expect(strays).toEqual([]);
  });
});
