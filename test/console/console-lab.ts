// A lab whose gateway is looked at by operators: with tokens, and with the page opened in Chromium.
import { createHash } from 'node:crypto';

export const READER = `otga_${'r'.repeat(43)}`;
export const WRITER = `otga_${'w'.repeat(43)}`;

/** As it stands in a configuration. */
export const hashOf = (token: string): string => `sha256:${createHash('sha256').update(token).digest('hex')}`;
const TOKENS = [
  { name: 'watcher', role: 'read', hash: hashOf(READER) },
  { name: 'deploy', role: 'write', hash: hashOf(WRITER) },
];

export const VIEWS = ['overview', 'limits', 'accounts', 'why', 'audit', 'configuration'] as const;

/** For a lab with tokens for its admin listener. Without any, it is read from this machine, and changed by nobody. */
export function consoleConfig(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { admin: { host: '127.0.0.1', port: 0, tokens: TOKENS }, ...more };
}
