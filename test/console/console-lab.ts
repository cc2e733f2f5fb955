// A lab whose gateway is looked at by operators: with tokens, and with the page opened in Chromium.
import { createHash } from 'node:crypto';
import { type Lab, type LabOptions, openLab } from '../support/lab.ts';

export const READER = `otga_${'r'.repeat(43)}`;
export const WRITER = `otga_${'w'.repeat(43)}`;

const hashOf = (token: string): string => `sha256:${createHash('sha256').update(token).digest('hex')}`;
export const TOKENS = [
  { name: 'watcher', role: 'read', hash: hashOf(READER) },
  { name: 'deploy', role: 'write', hash: hashOf(WRITER) },
];

export const VIEWS = ['overview', 'limits', 'accounts', 'why', 'audit', 'configuration'] as const;

/** A lab with tokens for its admin listener; without them it is read from this machine, and changed by nobody. */
export function openConsoleLab(options: LabOptions & { readonly tokens?: boolean } = {}): Promise<Lab> {
  const { tokens = true, config, ...rest } = options;
  const admin = { host: '127.0.0.1', port: 0, ...(tokens ? { tokens: TOKENS } : {}) };
  return openLab({ ...rest, config: { admin, ...config } });
}
