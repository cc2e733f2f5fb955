// The operators' page as it is served: who gets it, with which headers, and that nothing but its files is to be had.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, utimesSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPageFiles, PAGE_FOLDER } from '../../src/console/files.ts';
import { type Folder, openFolder } from '../support/folder.ts';
import { call, type Reply } from '../support/http.ts';
import { rawCaller } from '../support/raw.ts';
import { type AdminLab, type AdminLabOptions, openAdminLab } from './admin-lab.ts';

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

let lab: AdminLab;
let folder: Folder;
beforeEach(async () => {
  folder = openFolder();
  folder.write('index.html', '<!doctype html><title>page</title>');
  folder.write('style.css', 'p { color: red }');
  folder.write(
    'main.ts',
    "import type { A } from './a.ts';\nimport { b } from './b.ts';\nexport const a: A = b as A;\n",
  );
  folder.write('b.ts', 'export const b = 1;\n');
  folder.write('uPlot.esm.d.ts', 'export {};\n');
  folder.write('notes.md', 'not for everybody');
  lab = await openAdminLab({ console: openPageFiles(folder.path) });
});
afterEach(async () => {
  await lab.close();
  folder[Symbol.dispose]();
});

async function reopen(options: AdminLabOptions): Promise<void> {
  await lab.close();
  lab = await openAdminLab(options);
}

/** Without a token. */
const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Reply> =>
  call(lab.url, method, path, { headers });

describe('the page', () => {
  it('is given without a token, from anywhere, with headers that let nothing else in', async () => {
    for (const peer of ['127.0.0.1', '192.0.2.77']) {
      lab.peer = peer;
      const reply = await get('/');
      expect([reply.status, reply.body]).toEqual([200, '<!doctype html><title>page</title>']);
      expect(reply.headers).toMatchObject({
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': POLICY,
        'cross-origin-embedder-policy': 'require-corp',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'cache-control': 'no-cache',
      });
      expect(reply.headers['permissions-policy']).toContain('camera=()');
      expect(reply.headers).not.toHaveProperty('set-cookie');
    }
  });

  it('opens by a link of another site, and its files do not', async () => {
    const cross = { 'sec-fetch-site': 'cross-site' };
    expect((await get('/', cross)).status).toBe(200);
    expect((await get('/console/style.css', cross)).status).toBe(403);
    expect((await get('/console/style.css', { 'sec-fetch-site': 'same-origin' })).status).toBe(200);
  });

  it.each(['/', '/console/main.js'])('is not given by a foreign name: %s', async (path) => {
    const reply = await get(path, { host: 'evil.example' });
    expect([reply.status, reply.json().error]).toEqual([421, 'host_unknown']);
    expect((await get(path, { host: 'admin.corp.example' })).status).toBe(200);
  });

  it('is not there where it is switched off', async () => {
    await reopen({});
    for (const path of ['/', '/console/main.js']) {
      const reply = await get(path);
      expect([path, reply.status, reply.json().error]).toEqual([path, 404, 'no_such_endpoint']);
      expect(reply.json().hint).not.toContain(' /,');
    }
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('takes no %s', async (method) => {
    expect((await get('/', {}, method)).status).toBe(404);
  });

  it('answers HEAD as GET, without a body', async () => {
    const reply = await get('/', {}, 'HEAD');
    expect([reply.status, reply.body]).toEqual([200, '']);
    expect(reply.headers['content-security-policy']).toBe(POLICY);
  });
});

describe('its files', () => {
  it('are modules without types, by both endings, and styles', async () => {
    const byJs = await get('/console/main.js');
    expect([byJs.status, byJs.headers['content-type']]).toEqual([200, 'text/javascript; charset=utf-8']);
    expect(byJs.body).not.toContain('import type');
    expect(byJs.body).not.toContain(': A');
    expect(byJs.body).toContain("import { b } from './b.ts';");
    expect((await get('/console/main.ts')).body).toBe(byJs.body);
    expect((await get('/console/b.ts')).body).toBe('export const b = 1;\n');
    expect((await get('/console/style.css')).headers['content-type']).toBe('text/css; charset=utf-8');
  });

  it('are answered 304 while they are the same, and anew when they have changed', async () => {
    const first = await get('/console/style.css');
    const etag = first.headers.etag ?? '';
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await get('/console/style.css', { 'if-none-match': known });
      expect([again.status, again.body, again.headers.etag]).toEqual([304, '', etag]);
      expect(again.headers['content-security-policy']).toBe(POLICY);
    }
    utimesSync(folder.write('style.css', 'p { color: blue }'), new Date(), new Date(Date.now() + 5000));
    const changed = await get('/console/style.css', { 'if-none-match': etag });
    expect([changed.status, changed.body]).toEqual([200, 'p { color: blue }']);
  });

  it('have uPlot beside them, as it was installed', async () => {
    const script = await get('/console/uPlot.esm.js');
    expect([script.status, script.headers['content-type']]).toEqual([200, 'text/javascript; charset=utf-8']);
    const installed = readFileSync(new URL('../../node_modules/uplot/dist/uPlot.esm.js', import.meta.url));
    const hash = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
    expect(hash(script.body)).toBe(hash(installed));
    expect((await get('/console/uPlot.min.css')).headers['content-type']).toBe('text/css; charset=utf-8');
  });

  it.each([
    '/console',
    '/console/',
    '/console/notes.md',
    '/console/index.html',
    '/console/uPlot.esm.d.ts',
    '/console/Main.js',
    '/console/main',
    '/console//main.js',
    '/console/main.js/',
    '/console/%6dain.js',
    '/console/../page/main.js',
    '/console/..%2f..%2fetc%2fpasswd',
    '/console/%2e%2e/main.js',
    '/console/..\\main.js',
    '/console/constructor',
    '/console/__proto__',
    `/console/${'x'.repeat(5000)}`,
    '/main.js',
    '/style.css',
  ])('are all that there is: %s is 404', async (path) => {
    // As it is written: a client would tidy it up.
    const caller = rawCaller(lab.url);
    caller.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    const answer = await caller.closed;
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer).not.toContain(folder.path);
  });
});

describe('the real page', () => {
  it('is whole: every file that it names is served', async () => {
    await reopen({ console: openPageFiles() });
    const page = await get('/');
    expect(page.status).toBe(200);
    const seen = new Set<string>();
    const queue = [...page.body.matchAll(/(?:src|href)="(\/console\/[^"]+)"/g)].map(([, path = '']) => path);
    expect(queue.length).toBeGreaterThan(0);
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      if (seen.has(path)) continue;
      seen.add(path);
      const reply = await get(path);
      expect([path, reply.status]).toEqual([path, 200]);
      if (!reply.headers['content-type']?.startsWith('text/javascript')) continue;
      for (const [, from = ''] of reply.body.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
        queue.push(new URL(from, `http://x${path}`).pathname);
      }
    }
    expect([...seen].every((path) => path.startsWith('/console/'))).toBe(true);
  });

  it('has nothing inline that its policy would forbid', () => {
    const html = readFileSync(`${PAGE_FOLDER}/index.html`, 'utf8');
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:/i);
    expect(readdirSync(PAGE_FOLDER)).toContain('index.html');
  });
});
