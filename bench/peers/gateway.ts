// The gateway, as `serve` runs it from the sources: every policy on.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from '../lib/child.ts';
import { ACCOUNTS } from '../lib/workloads.ts';
import type { Contestant, Setting } from './contestant.ts';

export const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

const NEVER_REACHED = '{ per: 1s, requests: 10000000, burst: 10000000, mode: enforce }';
const ALWAYS_EXCEEDED = '{ per: 1h, requests: 1, burst: 1, mode: enforce }';

/** As YAML. */
export function gatewayFile({ upstreams, refusing, store }: Setting): string {
  const rules = ACCOUNTS.map(({ name, region }) => `    - { account: "${name}", region: ${region}, pinned: true }`);
  return `listen: { host: 127.0.0.1, port: 0 }
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
log: { level: info }
`;
}

export const gateway: Contestant = {
  name: 'gateway',
  about: 'onetime-gateway, every policy on',
  missing: undefined,
  policy: 'all',
  takes: () => true,
  async start(setting) {
    const { folder, core } = setting;
    const file = join(folder, 'gateway.yaml');
    writeFileSync(file, gatewayFile(setting));
    const child = launch(process.execPath, [MAIN, 'serve', '--config', file], { name: 'gateway', folder, core });
    try {
      const [, port] = await child.says(/"url":"[^"]*:(\d+)"/);
      return { ports: [Number(port)], pid: child.pid, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
    } catch (error) {
      await child[Symbol.asyncDispose]();
      throw error;
    }
  },
};
