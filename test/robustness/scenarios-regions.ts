// Scenarios about regions that have to prove who they are.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { type CertificateFolder, openCertificates } from '../support/certificates.ts';
import { openFolder } from '../support/folder.ts';
import { rawCaller } from '../support/raw.ts';
import { readAnswers } from './answers.ts';
import { CLOSE, FORM, HOST, head, SECRET } from './caller-acts.ts';
import { ok } from './region-acts.ts';
import { SAFE, type Scenario, type Told, unsafe, weak } from './scenario.ts';
import { GATEWAY, type Startable } from './subjects.ts';

const REVEAL = head(`POST ${SECRET} HTTP/1.1`, HOST, CLOSE, FORM, 'Content-Length: 0');

/** Certificates of regions: the last one is right. */
const CERTIFICATES = ['other-name', 'other-authority', 'right'] as const;

function issueAll(files: CertificateFolder): void {
  files.authority('authority');
  files.authority('stranger');
  files.issue('other-name', 'region.example', 'authority');
  files.issue('other-authority', 'localhost', 'stranger');
  files.issue('right', 'localhost', 'authority');
}

interface Shown {
  readonly status: number;
  readonly wasSent: boolean;
}

/** A reveal to a region that shows this certificate. */
async function reveal(proxy: Startable, files: CertificateFolder, name: string): Promise<Shown> {
  using folder = openFolder();
  let wasSent = false;
  const region = createServer({ cert: files.read(`${name}.pem`), key: files.read(`${name}.key`) }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      // The gateway asks whether its regions are well, too.
      if (chunk.includes('/api/v1/secret/')) wasSent = true;
      socket.write(ok());
    });
  });
  region.on('tlsClientError', () => {});
  region.listen(0, '127.0.0.1');
  await once(region, 'listening');
  try {
    const { port } = region.address() as AddressInfo;
    await using subject = await proxy.start(folder.path, port, 'plain', undefined, files.at('authority.pem'));
    const caller = rawCaller(subject.url);
    caller.send(REVEAL);
    const [answer] = readAnswers(await caller.closed, false);
    return { status: answer?.status ?? 0, wasSent };
  } finally {
    region.close();
  }
}

function judge(shown: readonly Shown[]): Told['judgement'] {
  const right = shown.at(-1);
  if (shown.slice(0, -1).some(({ wasSent }) => wasSent)) return unsafe('a secret was asked of somebody else');
  return right?.status === 200 && right.wasSent ? SAFE : weak('an honest request is not served');
}

async function proveThemselves(proxy: Startable): Promise<Told> {
  using files = openCertificates();
  issueAll(files);
  const shown: Shown[] = [];
  for (const name of CERTIFICATES) shown.push(await reveal(proxy, files, name));
  const sent = shown.filter(({ wasSent }) => wasSent).length;
  return {
    back: shown.map(({ status }) => status).join(', '),
    saw: sent === 1 ? 'one request' : `${sent} requests`,
    judgement: judge(shown),
  };
}

export const PROVEN: readonly Scenario[] = [
  {
    name: 'certificates of regions',
    sent: 'a reveal to a region whose certificate is for another name, then of an unknown authority, then right',
    isCertified: true,
    back: '502, 502, 200',
    saw: 'one request',
    run: () => proveThemselves(GATEWAY),
    at: (peer) => proveThemselves(peer),
  },
];
