// The demo's printed lines, pasted into a shell as a newcomer would.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../support/http.ts';
import { needs } from '../support/needs.ts';
import { isFree, takePort } from '../support/ports.ts';
import { type Finished, isAlive, ROOT, type Running, run, runCli, start, startCli } from '../support/process.ts';

const FREE_PORTS = ['--port', '0', '--admin-port', '0'];
const SEPARATOR = '--8<-- next step';

/** The printed walk: its numbered titles, each with its shell lines. */
function stepsOf(printed: string): { title: string; lines: string[] }[] {
  const steps: { title: string; lines: string[] }[] = [];
  for (const line of printed.split('\n')) {
    const title = /^\d+\. (.*)$/.exec(line)?.[1];
    if (title !== undefined) steps.push({ title, lines: [] });
    else if (/^ {3}\S/.test(line)) steps.at(-1)?.lines.push(line.trim());
  }
  return steps;
}

function portOf(url: string | undefined): number {
  return Number(new URL(url ?? '').port);
}

describe.runIf(needs('curl', 'apt-get install curl'))('the walk', () => {
  let demo: Running;
  let pasted: Finished;
  /** What each step printed. */
  let answers: string[];

  beforeAll(async () => {
    demo = await startCli(['demo', ...FREE_PORTS]);
    await demo.line(/Requests as they come:/);
    const steps = stepsOf(demo.stdout());
    expect(steps.map(({ lines }) => lines.length)).toEqual([1, 2, 3, 1, 2, 2, 2, 2, 1]);
    const script = steps.map(({ lines }) => lines.join('\n')).join(`\necho '${SEPARATOR}'\n`);
    pasted = await run('bash', ['-c', script]);
    answers = pasted.stdout.split(`${SEPARATOR}\n`);
  });
  afterAll(() => demo[Symbol.asyncDispose]());

  it('runs through without a complaint of the shell or of curl', () => {
    expect(pasted).toMatchObject({ code: 0, stderr: '' });
    expect(answers).toHaveLength(9);
  });

  it('1 and 2: each account creates in its own region, from one address', () => {
    expect(JSON.parse(answers[0] ?? '')).toMatchObject({ custid: 'alice@us.example', ttl: 3600, state: 'new' });
    const [created, ...headers] = (answers[1] ?? '').trim().split(/\r?\n/);
    expect(JSON.parse(created ?? '')).toMatchObject({ custid: 'bruno@eu.example', ttl: 3600, state: 'new' });
    expect(headers.toSorted()).toEqual(['Onetime-Gateway-Outcome: delivered', 'Onetime-Gateway-Region: eu']);
  });

  it('3: the secret is retrieved once, and is gone the second time', () => {
    const [first, second] = (answers[2] ?? '').trim().split('\n');
    expect(JSON.parse(first ?? '')).toMatchObject({ value: 'from the us' });
    expect(JSON.parse(second ?? '')).toMatchObject({ message: 'Unknown secret' });
  });

  it('4: a repeat with the same Idempotency-Key gets the first answer again', () => {
    const made = [...(answers[3] ?? '').matchAll(/"secret_key":"(\w+)"/g)].map(([, key]) => key);
    expect([made.length, new Set(made).size]).toEqual([2, 1]);
    expect(answers[3]?.match(/^Idempotency-Replayed: true\r?$/gim)).toHaveLength(1);
  });

  it('5 and 6: metadata, burn and recent for the owner', () => {
    expect(JSON.parse(answers[4] ?? '')).toMatchObject({ custid: 'bruno@eu.example', state: 'viewed' });
    const [burned, recent] = (answers[5] ?? '').trim().split('\n');
    expect(JSON.parse(burned ?? '')).toMatchObject({ state: { state: 'viewed', secret_ttl: null } });
    expect(JSON.parse(recent ?? '')).toMatchObject([{ custid: 'bruno@eu.example', state: 'burned' }]);
  });

  it('7: 401 without credentials, 403 outside the region', () => {
    expect(answers[6]).toMatch(/^HTTP\/1\.1 401 /);
    expect(answers[6]).toMatch(/^WWW-Authenticate: Basic /im);
    expect(answers[6]).toContain('"error":"authentication_required"');
    expect(answers[6]).toContain('"error":"region_not_allowed"');
  });

  it('8: a client that guesses keys gets 404, then 429 with Retry-After', () => {
    const [codes = '', ...last] = (answers[7] ?? '').split('\n');
    expect(codes.trim()).toMatch(/^(404 )+(429 )*429$/);
    expect(last[0]).toMatch(/^HTTP\/1\.1 429 /);
    expect(answers[7]).toMatch(/^Retry-After: [1-9]\d*\r?$/im);
    expect(answers[7]).toMatch(/^RateLimit: "anonymous-retrieval";r=0;t=\d+\r?$/im);
    expect(answers[7]).toContain('Apologies dear citizen! You have been rate limited.');
  });

  it('9: the metrics count what was done', () => {
    expect(answers[8]).toContain('onetime_gateway_requests_total{route="v1.share",region="us",class="2xx"} 2\n');
    expect(answers[8]).toContain('onetime_gateway_requests_total{route="v1.share",region="eu",class="2xx"} 1\n');
    expect(answers[8]).toMatch(/^onetime_gateway_decisions_total\{reason="account_home"\} [1-9]/m);
    expect(answers[8]).toMatch(/^onetime_gateway_limited_total\{limit="anonymous-retrieval",mode="enforce"\} [1-9]/m);
  });

  it('shows each request in the demo’s own window, without keys', async () => {
    await demo.line(/POST v1\.share -> us \(account_home\) 200/);
    await demo.line(/GET v1\.private -> refused: authentication_required 401/);
    const followed = demo.stdout().split('Requests as they come:')[1] ?? '';
    expect(followed).not.toMatch(/[0-9a-z]{20}/);
  });
});

describe('the demo', () => {
  it.each([
    ['--port', ['--admin-port', '0']],
    ['--admin-port', ['--port', '0']],
  ])('says that the port of %s is taken, and how to choose another', async (option, others) => {
    await using taken = await takePort();
    const { code, stdout, stderr } = await runCli(['demo', option, String(taken.port), ...others]);
    expect(code).toBe(71);
    expect(stdout).toBe('');
    expect(stderr).toBe(
      `Port ${taken.port} is taken: something else listens on 127.0.0.1:${taken.port}. ` +
        `Choose another: npm run demo -- ${option} 0 (0 takes any free one).\n`,
    );
  });

  it('ends cleanly on Ctrl-C: exit 0, and its ports are free', async () => {
    await using demo = await startCli(['demo', ...FREE_PORTS]);
    const [, us, eu, gateway, admin] = await demo.line(/us at (\S+), eu at (\S+)\ngateway: (\S+)\nadmin: (\S+)\n/);
    expect((await call(gateway ?? '', 'GET', '/api/v1/status')).status).toBe(200);
    await demo.line(/Requests as they come:/);
    demo.kill('SIGINT');
    expect(await demo.exited).toEqual({ code: 0, signal: null });
    expect(demo.stderr()).toBe('');
    for (const url of [us, eu, gateway, admin]) expect(await isFree(portOf(url))).toBe(true);
  });
});

describe('scripts/run.mjs', () => {
  it.runIf(needs('ps', 'apt-get install procps')).each(['SIGINT', 'SIGTERM'] as const)(
    'hands %s on to what it runs, and leaves nothing behind',
    async (signal) => {
      await using demo = await start(process.execPath, [
        `${ROOT}scripts/run.mjs`,
        'node',
        'src/main.ts',
        'demo',
        ...FREE_PORTS,
      ]);
      const [, gateway] = await demo.line(/^gateway: (\S+)$/m);
      await demo.line(/Requests as they come:/);
      const children = await run('ps', ['-o', 'pid=', '--ppid', String(demo.pid)]);
      const pids = children.stdout.trim().split(/\s+/).map(Number);
      expect(pids).toHaveLength(1);

      demo.kill(signal);
      expect(await demo.exited).toEqual({ code: 0, signal: null });
      expect(pids.filter(isAlive)).toEqual([]);
      expect(await isFree(portOf(gateway))).toBe(true);
    },
  );

  it('ends with the exit code of what it runs', async () => {
    const { code } = await run(process.execPath, [`${ROOT}scripts/run.mjs`, 'node', '-e', 'process.exit(7)']);
    expect(code).toBe(7);
  });
});
