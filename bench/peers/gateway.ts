// The gateway, as `serve` runs it from the sources: every policy on.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Listening, launch } from '../lib/child.ts';
import { ACCOUNTS } from '../lib/workloads.ts';
import type { Contestant, Setting } from './contestant.ts';

export const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

const NEVER_REACHED = '{ per: 1s, requests: 10000000, burst: 10000000, mode: enforce }';
const ALWAYS_EXCEEDED = '{ per: 1h, requests: 1, burst: 1, mode: enforce }';

/** As YAML. @param audited without: everything but the audit log */
export function gatewayFile({ upstreams, refusing, store }: Setting, audited = true): string {
  const rules = ACCOUNTS.map(({ name, region }) => `    - { account: "${name}", region: ${region}, pinned: true }`);
  return `listen: { host: 127.0.0.1, port: 0, maxRequestsPerConnection: off }
admin: { host: 127.0.0.1, port: 0 }
regions:
  us: { upstreams: ["http://127.0.0.1:${upstreams.us}"] }
  eu: { upstreams: ["http://127.0.0.1:${upstreams.eu}"] }
accounts:
  unknown: refuse
  rules:
${rules.join('\n')}
anonymous: { create: us, retrieve: us }
limits:
  anonymousRetrieval: ${refusing ? ALWAYS_EXCEEDED : NEVER_REACHED}
  perKey: ${NEVER_REACHED}
  failedAuth: ${NEVER_REACHED}
  account: ${NEVER_REACHED}
  regionBudget: ${NEVER_REACHED}
store: ${store}
identityKey: identity.key
audit: { file: ${audited ? 'audit.jsonl' : 'null'}, key: audit.key }
log: { level: info }
`;
}

export const gateway: Contestant = {
  name: 'gateway',
  about: 'onetime-gateway, every policy on',
  missing: undefined,
  policy: 'all',
  takes: () => true,
  start: (setting) => start(setting, setting.folder, gatewayFile(setting)),
};

/** What the audit log costs is what the gateway costs over this one. */
export const unaudited: Contestant = {
  name: 'gateway-unaudited',
  about: 'onetime-gateway with `audit.file: null`, everything else on',
  missing: undefined,
  policy: 'all',
  // Keys are made through the other one, and this one has a store of its own.
  takes: ({ key }) => !key.startsWith('known'),
  start(setting) {
    const folder = join(setting.folder, 'unaudited');
    mkdirSync(folder, { recursive: true });
    return start(setting, folder, gatewayFile({ ...setting, store: 'sqlite:gateway.db' }, false));
  },
};

async function start({ core }: Setting, folder: string, config: string): Promise<Listening> {
  const file = join(folder, 'gateway.yaml');
  writeFileSync(file, config);
  const child = launch(process.execPath, [MAIN, 'serve', '--config', file], { name: 'gateway', folder, core });
  try {
    const [, port] = await child.says(/"url":"[^"]*:(\d+)"/);
    return { ports: [Number(port)], pid: child.pid, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
