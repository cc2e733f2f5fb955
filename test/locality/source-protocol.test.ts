// What is asked of the source, and how each of its answers is read.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openFolder } from '../support/folder.ts';
import { needs } from '../support/needs.ts';
import { codeOf, eventually, openDirectory, openSource, says, silence, status, TOKEN } from './source-support.ts';

const ANN = 'ann+test@example.com';

describe('the question', () => {
  it('is one GET with the account in the query, the token and nothing else of the caller', async () => {
    const directory = await openDirectory();
    await openSource(`${directory.url}?tenant=a%20b&flag`).locate(ANN);
    expect(directory.asked).toHaveLength(1);
    expect(directory.asked[0]?.target).toBe('/where?tenant=a%20b&flag&account=ann%2Btest%40example.com');
    expect(directory.asked[0]?.headers).toMatchObject({ accept: 'application/json', authorization: `Bearer ${TOKEN}` });
  });

  it.each(['a&account=b', 'x#y', 'ü', 'a b', '100%', 'a/../b', '"'])('takes the name %j as it is', async (name) => {
    const directory = await openDirectory();
    await openSource(directory.url, { token: undefined }).locate(name);
    expect(directory.asked.map(({ account }) => account)).toEqual([name]);
    expect(directory.asked[0]?.headers.authorization).toBeUndefined();
  });

  it('is not asked for a name that is no text', async () => {
    const directory = await openDirectory();
    expect(codeOf(await openSource(directory.url).locate('a\ud800'))).toBe('SOURCE_UNASKABLE');
    expect(directory.asked).toEqual([]);
  });

  it.each([
    'http://directory.example/where',
    'http://127.0.0.1.example/where',
    'http://10.0.0.1/',
    'ftp://127.0.0.1/',
    'https://user:secret-word@directory.example/',
    'https://directory.example/#secret-word',
    'https://directory.example/?account=secret-word',
    'secret-word',
    '',
  ])('is refused for the URL %j, without showing it', (url) => {
    expect(() => openSource(url)).toThrow(TypeError);
    expect(() => openSource(url)).toThrow(/^(?!.*secret-word).*$/);
  });

  it.each(['http://localhost:1/', 'http://127.9.9.9:1/a', 'http://[::1]:1/', 'https://directory.example/a?b=c'])(
    'may go to %s',
    (url) => {
      expect(openSource(url).readings().entries).toBe(0);
    },
  );

  it.each(['', 'a b', 'a\r\nx: y', 'ä'])('is refused with the token %j, without showing it', (token) => {
    expect(() => openSource('https://directory.example/', { token })).toThrow(
      'the account directory’s token cannot stand in a header',
    );
  });

  it.each([{ timeoutMs: 0 }, { timeoutMs: Number.NaN }, { refreshMs: 3, expireMs: 2 }, { negativeMs: -1 }])(
    'is refused with the times %j',
    (times) => {
      expect(() => openSource('https://directory.example/', times)).toThrow(RangeError);
    },
  );
});

describe('an answer of the source', () => {
  it.each([
    [{ region: 'eu' }, { home: 'eu', pinned: true, also: [] }],
    [
      { region: 'us', pinned: false, also: ['eu'] },
      { home: 'us', pinned: false, also: ['eu'] },
    ],
    [
      { region: 'eu', also: ['us', 'eu', 'ca', 'us'] },
      { home: 'eu', pinned: true, also: ['ca', 'us'] },
    ],
    [
      { region: 'eu', since: 2020, also: [] },
      { home: 'eu', pinned: true, also: [] },
    ],
  ])('%j is read as it says', async (said, value) => {
    const directory = await openDirectory();
    directory.answer = says(said);
    expect(await openSource(directory.url).locate(ANN)).toEqual({ kind: 'found', value });
  });

  it.each([
    ['', 'MALFORMED'],
    ['{', 'MALFORMED'],
    ['null', 'MALFORMED'],
    ['[]', 'MALFORMED'],
    ['["eu"]', 'MALFORMED'],
    ['"eu"', 'MALFORMED'],
    ['{}', 'MALFORMED'],
    ['{"region":"eu"}{', 'MALFORMED'],
    ['{"region":"eu","pinned":null}', 'MALFORMED'],
    ['{"region":"eu","pinned":"false"}', 'MALFORMED'],
    ['{"region":"eu","also":"us"}', 'MALFORMED'],
    ['{"region":"eu","also":[1]}', 'MALFORMED'],
    ['{"region":"eu","also":null}', 'MALFORMED'],
    ['{"region":["eu"]}', 'MALFORMED'],
    ['{"region":""}', 'UNKNOWN_REGION'],
    ['{"region":"EU"}', 'UNKNOWN_REGION'],
    ['{"region":"moon"}', 'UNKNOWN_REGION'],
    ['{"region":"eu","also":["moon"]}', 'UNKNOWN_REGION'],
    [`{"region":"eu","x":"${'x'.repeat(70_000)}"}`, 'TOO_LARGE'],
  ])('%.40s makes the account unavailable (%s), now and for the next caller', async (body, fault) => {
    const directory = await openDirectory();
    directory.answer = says(body);
    const source = openSource(directory.url);
    expect(codeOf(await source.locate(ANN))).toBe(`SOURCE_${fault}`);
    expect(codeOf(await source.locate(ANN))).toBe(`SOURCE_${fault}`);
    expect(source.readings()).toMatchObject({ entries: 0, negatives: 0, lastAnswerMs: undefined });
    expect(source.readings().questions).toEqual({ found: 0, missing: 0, failed: 2 });
  });

  it('that is not UTF-8 is none', async () => {
    const directory = await openDirectory();
    directory.answer = (_account, response) =>
      response.end(Buffer.concat([Buffer.from('{"region":"eu","x":"'), Buffer.from([0xff]), Buffer.from('"}')]));
    expect(codeOf(await openSource(directory.url).locate(ANN))).toBe('SOURCE_MALFORMED');
  });

  it.each([201, 204, 206, 304, 400, 401, 403, 410, 429, 500, 502, 503])(
    'of status %d makes the account unavailable, never missing',
    async (code) => {
      const directory = await openDirectory();
      directory.answer = status(code);
      expect(codeOf(await openSource(directory.url).locate(ANN))).toBe('SOURCE_STATUS');
    },
  );

  it('of status 404 means that nobody of that name is known', async () => {
    const directory = await openDirectory();
    directory.answer = status(404);
    expect(await openSource(directory.url).locate(ANN)).toEqual({ kind: 'missing' });
  });

  it.each([301, 302, 303, 307, 308])('that redirects (%d) is not followed', async (code) => {
    const [directory, elsewhere] = [await openDirectory(), await openDirectory()];
    directory.answer = status(code, { location: `${elsewhere.url}?account=x` });
    expect(codeOf(await openSource(directory.url).locate(ANN))).toBe('SOURCE_STATUS');
    expect(elsewhere.asked).toEqual([]);
    expect(directory.asked).toHaveLength(1);
  });

  it.each([
    ['that never comes', silence],
    ['whose body never ends', (_: string, response: ServerResponse) => void response.write('{')],
    [
      'whose body drips',
      (_: string, response: ServerResponse) => {
        const drip = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(drip));
      },
    ],
    ['whose error never ends', (_: string, response: ServerResponse) => void response.writeHead(404).write('{')],
  ])('%s in time makes the account unavailable at the timeout', async (_fault, answer) => {
    const directory = await openDirectory();
    directory.answer = answer;
    const source = openSource(directory.url, { timeoutMs: 200 });
    const began = performance.now();
    expect(codeOf(await source.locate(ANN))).toBe('SOURCE_TIMEOUT');
    expect(performance.now() - began).toBeGreaterThan(150);
    directory.answer = says({ region: 'us' });
    // On a slow machine 200 ms may be short for an answer, too.
    await eventually(async () => (await source.locate(ANN)).kind).toBe('found');
  });

  it('that is cut makes the account unavailable', async () => {
    const directory = await openDirectory();
    directory.answer = (_account, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"region":"eu"}', () => response.destroy());
    };
    expect(codeOf(await openSource(directory.url).locate(ANN))).toBe('SOURCE_UNREACHABLE');
  });

  it('that cannot be had, since nobody listens, tells neither name nor address', async () => {
    const directory = await openDirectory();
    await directory.stop();
    const source = openSource(directory.url);
    const found = await source.locate(ANN);
    expect(codeOf(found)).toBe('SOURCE_UNREACHABLE');
    const { cause } = found as { cause: Error };
    expect(cause.message).toBe('the account directory could not be asked (ECONNREFUSED)');
    expect(cause.cause).toBeUndefined();
    expect(source.events).toEqual([{ event: 'question', cause }]);
  });
});

describe.skipIf(!needs('openssl', 'apt-get install openssl'))('over TLS', () => {
  /** A certificate that signs itself, for one name. */
  function certificate(name: string): { key: string; cert: string } {
    const folder = openFolder();
    onTestFinished(() => folder[Symbol.dispose]());
    const [key, cert] = [join(folder.path, 'key.pem'), join(folder.path, 'cert.pem')];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const names = ['-subj', '/CN=directory', '-addext', `subjectAltName=${name}`];
    execFileSync('openssl', ['req', '-x509', ...kind, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  }

  function trust(cert: string): void {
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, cert]);
    onTestFinished(() => setDefaultCACertificates(before));
  }

  it('a certificate that the machine trusts is good', async () => {
    const pair = certificate('IP:127.0.0.1');
    trust(pair.cert);
    const directory = await openDirectory(0, pair);
    expect((await openSource(directory.url).locate(ANN)).kind).toBe('found');
  });

  it('an unknown certificate, or one of another name, is not asked, whatever the environment says', async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    onTestFinished(() => {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    });
    const other = certificate('IP:127.0.0.2');
    trust(other.cert);
    for (const pair of [certificate('IP:127.0.0.1'), other]) {
      const directory = await openDirectory(0, pair);
      const found = await openSource(directory.url).locate(ANN);
      expect(codeOf(found)).toBe('SOURCE_UNREACHABLE');
      expect((found as { cause: Error }).cause.message).toMatch(
        /\((DEPTH_ZERO_SELF_SIGNED_CERT|ERR_TLS_CERT_ALTNAME_INVALID)\)/,
      );
      expect(directory.asked).toEqual([]);
    }
  });

  it('a server that speaks no TLS is not told the name', async () => {
    const directory = await openDirectory();
    expect(codeOf(await openSource(directory.url.replace('http:', 'https:')).locate(ANN))).toBe('SOURCE_UNREACHABLE');
    expect(directory.asked).toEqual([]);
  });
});
