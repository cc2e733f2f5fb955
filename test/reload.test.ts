// One configuration in the place of another: what is read, held against what cannot change, opened, applied and told.
import { expect, it } from 'vitest';
import { type Described, describedSchema, within } from '../src/config/described.ts';
import { inForce } from '../src/config/in-force.ts';
import { parseConfig } from '../src/config/load.ts';
import type { Config } from '../src/config/types.ts';
import type { ReloadReport } from '../src/listener/admin-live-types.ts';
import { changedKeys, createReloader, FIXED, fixedKeys, type Prepared, type Read } from '../src/reload.ts';
import { pack, unpack } from '../src/workers/clone.ts';

const FILE = 'gateway.yaml';
const HASH = (digit: string): string => `sha256:${digit.repeat(64)}`;
const text = (more: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ regions: { us: { upstreams: ['https://us.example'] } }, ...more });
const readText = (of: string): Read => ({
  config: parseConfig(of, FILE, {}),
  values: () => inForce(of, FILE, {}),
  digest: of,
});

/** A reloader whose file, clock and threads are the test's. */
function open(first = text()) {
  const state = { text: first, nowMs: 1_000 };
  const prepared: Config[] = [];
  const told: string[] = [];
  const reports: ReloadReport[] = [];
  const log: [object, string][] = [];
  let onPrepare: (config: Config) => Promise<void> = async () => {};
  const reloader = createReloader({
    first: readText(first),
    read: () => readText(state.text),
    async prepare(config): Promise<Prepared> {
      await onPrepare(config);
      prepared.push(config);
      return {
        apply: () => void told.push('applied'),
        abandon: async () => void told.push('abandoned'),
      };
    },
    now: () => state.nowMs,
    log: {
      info: (facts: object, message: string) => void log.push([facts, message]),
      error: (facts: object, message: string) => void log.push([facts, message]),
    } as Parameters<typeof createReloader>[0]['log'],
    onReport: (report) => void reports.push(report),
  });
  reloader.begin();
  return {
    reloader,
    prepared,
    told,
    reports,
    log,
    reload(next: string): Promise<ReloadReport> {
      state.text = next;
      state.nowMs += 1_000;
      return reloader.reload('signal');
    },
    whenPreparing(work: (config: Config) => Promise<void>): void {
      onPrepare = work;
    },
  };
}

it('another file is applied, and its keys and values are those in force', async () => {
  const { reloader, reload, told, log } = open();
  const next = text({ errors: 'verbatim', log: { sample: 0.5 } });
  expect(await reload(next)).toEqual({
    result: 'applied',
    at: '1970-01-01T00:00:02.000Z',
    actor: 'signal',
    changed: ['errors', 'log.sample'],
    needsRestart: [],
    problems: [],
  });
  expect(told).toEqual(['applied']);
  expect(reloader.inForce().find(({ key }) => key === 'errors')).toMatchObject({ value: 'verbatim', from: 'file' });
  expect(reloader.status()).toMatchObject({ appliedAt: '1970-01-01T00:00:02.000Z', last: { result: 'applied' } });
  expect(reloader.readings()).toEqual({ applied: 1, refused: 0, lastGood: true, appliedAtMs: 2_000 });
  expect(log).toEqual([[{ actor: 'signal', changed: ['errors', 'log.sample'] }, 'reloaded']]);
});

it('a file that says the same in other words is none', async () => {
  const { reload, reloader, told, prepared } = open();
  const report = await reload(`# The same\nregions:\n  us:\n    upstreams: [https://us.example]\n`);
  expect(report).toMatchObject({ result: 'unchanged', changed: [] });
  expect([told, prepared]).toEqual([[], []]);
  expect(reloader.readings()).toMatchObject({ applied: 0, refused: 0, appliedAtMs: 1_000 });
  expect(reloader.inForce().find(({ key }) => key === 'regions.us.upstreams')).toMatchObject({ line: 4 });
});

it.each([
  ['an empty file', '', /found an empty file/],
  ['half a file', '{"regions": {"us": {"upstr', /not valid YAML/],
  ['another key', text({ regionz: {} }), /unknown key/],
  ['a rule without its region', text({ accounts: { rules: [{ domain: 'a.example', region: 'eu' }] } }), /region/],
])('%s is refused, says what is wrong, and changes nothing', async (_what, broken, says) => {
  const { reload, reloader, prepared } = open();
  const before = reloader.inForce();
  const report = await reload(broken);
  expect(report).toMatchObject({ result: 'refused', changed: [], needsRestart: [] });
  expect(report.problems.join('\n')).toMatch(says);
  expect(report.problems[0]).toMatch(/^gateway\.yaml:\d+:\d+: /);
  expect(prepared).toEqual([]);
  expect(reloader.inForce()).toEqual(before);
  expect(reloader.status()).toEqual({ appliedAt: '1970-01-01T00:00:01.000Z', last: report });
  expect(reloader.readings()).toMatchObject({ refused: 1, lastGood: false });
  expect(await reload(text())).toMatchObject({ result: 'unchanged' });
  expect(reloader.readings()).toMatchObject({ refused: 1, lastGood: true });
});

it('what is wrong stands in the log without what was found: it may be a name or a secret', async () => {
  const { reload, log } = open();
  const rules = [{ account: 'ann@corp.example', region: 'canary' }];
  const tokens = [{ name: 'a', role: 'write', hash: 'canary-token' }];
  const broken = text({
    accounts: { rules, source: { url: 'https://canary:pass@dir.example/', token: 7 } },
    admin: { tokens },
    store: 'valkey://canary:canary-password@/oops',
    tracing: 'canary',
  });
  const { problems } = await reload(broken);
  expect(problems.length).toBeGreaterThan(3);
  const [facts, message] = log[0] ?? [];
  expect(message).toBe('reload refused');
  expect((facts as { problems: string[] }).problems).toHaveLength(problems.length);
  expect(JSON.stringify(log)).not.toContain('canary');
  expect(JSON.stringify(log)).toContain('gateway.yaml:1:');
});

it('what cannot change is told by its keys, and then nothing changes', async () => {
  const { reload, prepared } = open();
  const next = text({
    errors: 'verbatim',
    workers: 3,
    listen: { port: 8081 },
    replay: { keep: '1m' },
    reload: { watch: false },
  });
  const report = await reload(next);
  expect(report).toMatchObject({
    result: 'refused',
    needsRestart: ['listen.port', 'reload.watch', 'replay', 'workers'],
  });
  expect(report.changed).toEqual(expect.arrayContaining(['errors', 'listen.port', 'workers']));
  expect(report.problems).toEqual([
    'listen.port, reload.watch, replay, workers cannot change while the gateway runs, so nothing was applied: restart it, or set them back.',
  ]);
  expect(prepared).toEqual([]);
});

it('a configuration that cannot be opened is refused, and the next one is applied', async () => {
  const { reload, whenPreparing, told, log } = open();
  whenPreparing(() => Promise.reject(Object.assign(new Error('canary of the cause'), { code: 'ENOMEM' })));
  expect(await reload(text({ errors: 'verbatim' }))).toMatchObject({
    result: 'refused',
    problems: ['The configuration could not be opened; the log says why. Nothing was applied.'],
  });
  expect(log[0]).toMatchObject([{ cause: { code: 'ENOMEM' } }, 'the configuration could not be opened']);
  expect(JSON.stringify(log)).not.toContain('canary');
  whenPreparing(async () => {});
  expect(await reload(text({ errors: 'verbatim' }))).toMatchObject({ result: 'applied' });
  expect(told).toEqual(['applied']);
});

it('two at once are done one after the other', async () => {
  const { reload, whenPreparing, prepared, reports } = open();
  let underWay = 0;
  whenPreparing(async () => {
    expect(++underWay).toBe(1);
    await new Promise((settle) => setImmediate(settle));
    underWay--;
  });
  const first = reload(text({ errors: 'verbatim' }));
  await Promise.resolve();
  const second = reload(text({ errors: 'accurate', log: { sample: 0 } }));
  expect((await Promise.all([first, second])).map(({ result }) => result)).toContain('applied');
  expect(prepared.at(-1)?.log.sample).toBe(0);
  expect(reports).toHaveLength(2);
});

it('one that comes before the gateway answers callers waits for that, and for its end no longer', async () => {
  const reloader = createReloader({
    first: readText(text()),
    read: () => readText(text({ errors: 'verbatim' })),
    prepare: async () => ({ apply() {}, abandon: async () => {} }),
    now: Date.now,
    log: { info() {}, error() {} },
    onReport() {},
  });
  const early = reloader.reload('signal');
  const waiting = Symbol('waiting');
  const turn = new Promise((settle) => setImmediate(settle, waiting));
  expect(await Promise.race([early, turn])).toBe(waiting);
  reloader.end();
  expect(await early).toMatchObject({ result: 'refused', problems: ['The gateway is ending; nothing was applied.'] });
});

it('what was opened when the gateway began to end is given up', async () => {
  const { reload, reloader, whenPreparing, told } = open();
  whenPreparing(async () => reloader.end());
  expect(await reload(text({ errors: 'verbatim' }))).toMatchObject({ result: 'refused' });
  expect(told).toEqual(['abandoned']);
  expect(await reload(text({ errors: 'verbatim' }))).toMatchObject({ result: 'refused' });
});

it('a secret that is another one is a change without a name', async () => {
  const tokens = (digit: string) => ({ admin: { tokens: [{ name: 'ops', role: 'write', hash: HASH(digit) }] } });
  const { reload, reports } = open(text(tokens('a')));
  expect(await reload(text(tokens('b')))).toMatchObject({
    result: 'applied',
    changed: ['a hidden value, or what a named file holds'],
  });
  expect(JSON.stringify(reports)).not.toContain(HASH('b'));
});

it('keys that are gone, new and other are told once each', () => {
  const values = (of: Record<string, string>) =>
    Object.entries(of).map(([key, value]) => ({ key, value, from: 'file' as const }));
  expect(changedKeys(values({ a: '1', b: '2', c: '3' }), values({ a: '1', b: '3', d: '4' }))).toEqual(['b', 'c', 'd']);
});

it('a configuration is the same after it was read again, and after it went to a worker', () => {
  const whole = text({
    regions: { us: { upstreams: ['https://us.example'] }, eu: { upstreams: ['https://eu.example'] } },
    admin: { tokens: [{ name: 'ops', role: 'read', hash: HASH('c') }], hosts: ['ops.example'] },
    self: { region: 'us', gateways: { eu: 'https://eu.gateway.example' } },
    accounts: { rules: [{ domain: 'a.example', region: 'us', also: ['eu'] }] },
    audit: { file: 'a.jsonl' },
    passthrough: [{ prefix: '/help', region: 'us' }],
  });
  const [one, other] = [readText(whole).config, readText(whole).config];
  const crossed = unpack(structuredClone(pack(other))) as Config;
  expect(fixedKeys(one, other)).toEqual([]);
  expect(crossed).toEqual(one);
  expect(fixedKeys(crossed, unpack(structuredClone(pack(one))) as Config)).toEqual([]);
});

it('every key that cannot change is one of the configuration', () => {
  for (const fixed of Object.keys(FIXED)) {
    const found = fixed
      .split('.')
      .reduce<Described | undefined>((outer, key) => outer && within(outer, key), describedSchema());
    expect(found, fixed).toBeDefined();
  }
});
