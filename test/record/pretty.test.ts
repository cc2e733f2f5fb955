// Log lines for people: what they look like, and when they are written so. On a real terminal: `script` makes one.
import { describe, expect, it } from 'vitest';
import { createPretty, hasColors, isPretty } from '../../src/record/pretty.ts';
import { openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { needs } from '../support/needs.ts';
import { ROOT, start } from '../support/process.ts';

const ESC = String.fromCharCode(27);
const HEAD = '{"level":30,"time":1795674252185,"pid":1,"hostname":"h","worker":2';
const ACCESS = `${HEAD},"request_id":"4f3c","method":"POST","route":"v1.secret.retrieve","region":"eu","reason":"key_held","outcome":"delivered","status":200,"duration_ms":12.3,"msg":"answered"}\n`;

/** Without the time, which is this machine's. */
const plain = (line: string): string => createPretty(false)(line).replace(/^\[\d\d:\d\d:\d\d\.\d{3}\] /, '');

describe('a line for people', () => {
  it('says first what a request came to', () => {
    expect(plain(ACCESS)).toBe(
      'INFO: 200 POST v1.secret.retrieve eu delivered 12.3 ms {"worker":2,"request_id":"4f3c","reason":"key_held"}\n',
    );
  });

  it('names the refusal and the limit; of a caller that is gone no status', () => {
    const refused = `${HEAD},"method":"GET","route":"none","refusal":"rate_limited","limit":"per-key","status":429,"duration_ms":1,"msg":"answered"}\n`;
    expect(plain(refused)).toBe('INFO: 429 GET none rate_limited(per-key) 1 ms {"worker":2}\n');
    expect(plain(refused.replace('"status":429,', ''))).toBe(
      'INFO: gone GET none rate_limited(per-key) 1 ms {"worker":2}\n',
    );
  });

  it('says its message otherwise', () => {
    expect(plain(`${HEAD},"region":"eu","msg":"region is down"}\n`)).toBe(
      'INFO: region is down {"worker":2,"region":"eu"}\n',
    );
  });

  it('passes control characters of nobody on to the terminal', () => {
    const line = `${HEAD},"who":"\\u001b[2J\\u0007","msg":"\\u001b[2Jhello"}\n`;
    expect(plain(line)).toBe('INFO: [2Jhello {"worker":2,"who":"\\u001b[2J\\u0007"}\n');
  });

  it('is what came where that is no JSON', () => {
    expect(createPretty(false)('not a line of ours\n')).toContain('not a line of ours');
  });

  it.each([
    [200, 32],
    [404, 33],
    [502, 31],
  ])('status %i has a colour of its own, where there are colours', (status, code) => {
    const line = ACCESS.replace('"status":200', `"status":${status}`);
    expect(createPretty(true)(line)).toContain(`${ESC}[${code}m${status}`);
    expect(createPretty(false)(line)).not.toContain(ESC);
  });
});

describe('lines are for people', () => {
  it.each([
    ['auto', true, {}, true],
    ['auto', true, { CI: '' }, true],
    ['auto', true, { CI: 'false' }, true],
    ['auto', true, { CI: 'true' }, false],
    ['auto', true, { CI: '1' }, false],
    ['auto', false, {}, false],
    ['pretty', false, { CI: 'true' }, true],
    ['json', true, {}, false],
  ] as const)('format %s, terminal %s, %o: %s', (format, isTerminal, env, expected) => {
    expect(isPretty(format, isTerminal, env)).toBe(expected);
  });

  it.each([
    [true, {}, true],
    [true, { NO_COLOR: '' }, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
  ] as const)('in colour: terminal %s, %o: %s', (isTerminal, env, expected) => {
    expect(hasColors(isTerminal, env)).toBe(expected);
  });
});

const HAS_SCRIPT = needs('script', 'apt-get install bsdutils');

/** Has the main thread say at its end whether pino-pretty was loaded. */
const TELLTALE = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from 'node:fs';
  import Module from 'node:module';
  const isLoaded = () => Object.keys(Module._cache).some((file) => file.includes('/pino-pretty/'));
  process.on('exit', () => writeSync(1, '\\nloaded=' + isLoaded() + '\\n'));
`)}`;

interface Session {
  readonly format: string;
  readonly env: Readonly<Record<string, string>>;
  readonly terminal: boolean;
}

/** What `serve` with two workers prints from its start to its end, one request between; as it came. */
async function session({ format, env, terminal }: Session): Promise<string> {
  using folder = openFolder();
  const file = folder.write(
    'gateway.yaml',
    JSON.stringify({
      listen: { host: '127.0.0.1', port: 0 },
      admin: { host: '127.0.0.1', port: 0 },
      regions: { us: { upstreams: ['http://127.0.0.1:9'] } },
      store: `sqlite:${folder.path}/gateway.db`,
      identityKey: `${folder.path}/gateway.key`,
      workers: 2,
      log: { format },
    }),
  );
  const inner = `echo pid=$$; exec '${process.execPath}' '${ROOT}src/main.ts' serve --config '${file}'`;
  const command = terminal ? ['script', '-qfec', inner, '/dev/null'] : ['sh', '-c', inner];
  const [program = '', ...args] = command;
  await using running = await start(program, args, {
    env: { CI: undefined, NO_COLOR: undefined, TERM: 'xterm', ...env },
  });
  const [, pid] = await running.line(/pid=(\d+)/);
  const [, url = ''] = await running.line(/"url":"(http:[^"]+)"/);
  expect((await call(url, 'GET', '/api/v1/status')).status).toBe(200);
  await running.line(/v1\.status/);
  process.kill(Number(pid), 'SIGTERM');
  expect((await running.exited).code).toBe(0);
  return running.stdout();
}

describe('serve', () => {
  it.runIf(HAS_SCRIPT)('on a terminal: for people, in colour, the workers too', async () => {
    const printed = await session({ format: 'auto', env: {}, terminal: true });
    expect(printed).toMatch(/\[\d\d:\d\d:\d\d\.\d{3}\] .*INFO.*listening/);
    expect(printed).toContain(`${ESC}[32m200${ESC}`);
    expect(printed).toMatch(/GET v1\.status \S+ ms/);
    expect(printed).not.toMatch(/^\{"level"/m);
  });

  it.runIf(HAS_SCRIPT)('on a terminal with NO_COLOR: for people, without colours', async () => {
    const printed = await session({ format: 'auto', env: { NO_COLOR: '1' }, terminal: true });
    expect(printed).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: 200 GET v1\.status \S+ ms \{.*"worker":[12].*\}\r?$/m);
    expect(printed).not.toContain(ESC);
  });

  it.runIf(HAS_SCRIPT)('on a terminal of CI: JSON', async () => {
    const printed = await session({ format: 'auto', env: { CI: 'true' }, terminal: true });
    expect(printed).toMatch(/^\{"level":30,.*"route":"v1\.status".*\}\r?$/m);
    expect(printed).not.toContain(ESC);
  });

  it('into a pipe with format pretty: for people, without colours', async () => {
    const printed = await session({ format: 'pretty', env: {}, terminal: false });
    expect(printed).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: 200 GET v1\.status \S+ ms \{/m);
    expect(printed).not.toContain(ESC);
  });

  it.each([
    ['auto', 'JSON', false],
    ['pretty', 'for people', true],
  ])('into a pipe with format %s: %s; pino-pretty is loaded: %s', async (format, _, isLoaded) => {
    const printed = await session({ format, env: { NODE_OPTIONS: `--import=${TELLTALE}` }, terminal: false });
    // Workers are ended by the main thread, and say nothing of it.
    expect(printed.match(/^loaded=\w+$/gm)).toEqual([`loaded=${isLoaded}`]);
  });

  it('into a pipe: JSON', async () => {
    const printed = await session({ format: 'auto', env: {}, terminal: false });
    for (const line of printed.trimEnd().split('\n').slice(1)) expect(JSON.parse(line)).toHaveProperty('level');
  });
});
