// `onetime-gateway serve` as a process of its own between two twins, with its configuration in a file: for what only such
// a gateway can do, reload and tell where its values come from.
import { readFileSync, writeFileSync } from 'node:fs';
import { DEMO_ACCOUNTS } from '../../src/twin/accounts.ts';
import { startTwin, type Twin, type TwinOptions } from '../../src/twin/twin.ts';
import { openFolder } from '../support/folder.ts';
import { WANDERER } from '../support/lab.ts';
import { startCli } from '../support/process.ts';
import { hashOf, READER, WRITER } from './console-lab.ts';

export interface Served extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  readonly eu: Twin;
  /** Of the audit log. */
  readonly auditFile: string;
  /** Replaces a part of the configuration's file; throws where it is not there. */
  edit(from: string, to: string): void;
}

/** Stands in the file, and must never be seen on the page. */
export const SECRET = 'canary-directory-token';

function configText(us: Twin, eu: Twin): string {
  return `# The gateway of corp.example
listen: { host: 127.0.0.1, port: 0 }
admin:
  host: 127.0.0.1
  port: 0
  tokens:
    - { name: watcher, role: read, hash: "${hashOf(READER)}" }
    - { name: deploy, role: write, hash: "\${DEPLOY_TOKEN_HASH}" }
workers: 1
regions:
  us: { upstreams: ["${us.url}"] }
  eu: { upstreams: ["${eu.url}"] }
accounts:
  source: { url: "http://127.0.0.1:9/accounts", token: "${SECRET}" }
  order: [directory, rules, source]
  rules:
    - { domain: us.example, region: us }
    - { domain: eu.example, region: eu }
    - { domain: roaming.example, region: eu, pinned: false }
audit: { heads: 5s }
reload: { watch: false }
log: { level: info }
`;
}

export async function serve(twins: Partial<TwinOptions> = {}): Promise<Served> {
  const [name = '', token = ''] = WANDERER.split(':');
  const us = await startTwin({ ...twins, region: 'us', accounts: DEMO_ACCOUNTS.us });
  const eu = await startTwin({ ...twins, region: 'eu', accounts: [...DEMO_ACCOUNTS.eu, { name, token }] });
  const folder = openFolder();
  const file = folder.write('gateway.yaml', configText(us, eu));
  const process = await startCli(['serve', '--config', file], {
    env: { DEPLOY_TOKEN_HASH: hashOf(WRITER), GATEWAY_IDENTITY_KEY: '5a'.repeat(32) },
  });
  const [, url = '', adminUrl = ''] = await process.line(/"url":"([^"]+)","admin":"([^"]+)"/);
  return {
    url,
    adminUrl,
    eu,
    auditFile: `${folder.path}/data/audit.jsonl`,
    edit(from, to) {
      const text = readFileSync(file, 'utf8');
      if (!text.includes(from)) throw new Error(`the configuration has no ${from}`);
      writeFileSync(file, text.replace(from, to));
    },
    async [Symbol.asyncDispose]() {
      process.kill('SIGTERM');
      await process.exited;
      await Promise.all([us.close(), eu.close()]);
      folder[Symbol.dispose]();
    },
  };
}
