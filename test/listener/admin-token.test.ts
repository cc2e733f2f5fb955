// `admin token`: what it prints opens the admin API when its line is configured.
import { afterEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { adminToken } from '../../src/cli/admin-token.ts';
import { call } from '../support/http.ts';
import { type AdminLab, openAdminLab } from './admin-lab.ts';

let lab: AdminLab | undefined;
afterEach(() => lab?.close());

function made(name: string, role: 'read' | 'write') {
  const lines: string[] = [];
  adminToken({ name, role, print: (line) => void lines.push(line) });
  const tokens = lines.flatMap((line) => line.match(/otga_[\w-]+/g) ?? []);
  const [entry] = parse(lines.find((line) => line.trimStart().startsWith('- {')) ?? '[]') as Record<string, string>[];
  return { tokens, token: tokens[0] ?? '', entry: entry ?? {} };
}

it('prints the token once, and the line for the configuration without it', async () => {
  const { tokens, token, entry } = made('deploy', 'write');
  expect(tokens).toHaveLength(1);
  expect(token).toMatch(/^otga_[\w-]{43}$/);
  expect(entry).toEqual({ name: 'deploy', role: 'write', hash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
  const sha256 = Buffer.from((entry.hash ?? '').slice('sha256:'.length), 'hex');
  lab = await openAdminLab({ tokens: [{ name: 'deploy', role: 'write', sha256 }] });
  const ask = (bearer: string) =>
    call(lab?.url ?? '', 'POST', '/admin/v1/regions/eu/drain', { headers: { authorization: `Bearer ${bearer}` } });
  expect((await ask(token)).status).toBe(200);
  expect((await ask(`${token.slice(0, -1)}!`)).status).toBe(401);
});

it('makes another one every time', () => {
  expect(made('a', 'read').token).not.toBe(made('a', 'read').token);
});
