// A gateway under light load of every kind, and the troubles that Prometheus is to see.
import { createHash } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Behaviour, type Exchange, openFaultProxy } from '../support/fault-proxy.ts';
import { openFolder } from '../support/folder.ts';
import { call } from '../support/http.ts';
import { ALICE, BRUNO, type Lab, openLab } from '../support/lab.ts';
import { openEgress } from './egress.ts';

const TOKEN = `otga_${'w'.repeat(43)}`;
/** The source knows one account, and fails for another. */
const KNOWN = 'sue@org.example:0fff0000000000000000000000000000000000us';
const FAILING = 'fay@org.example:0fff0000000000000000000000000000000000us';
const PACE_MS = 100;

export interface World extends AsyncDisposable {
  readonly lab: Lab;
  /** Host and port of the admin listener. */
  readonly admin: string;
  /** What becomes of calls to eu: `away`, connections are reset, also as soon as they are open; `lost`, no answer comes back. */
  eu: 'there' | 'away' | 'lost';
  /** What becomes of connections to both regions: `away`, the egress proxy closes every one, also those that are open. */
  egress(is: 'there' | 'away'): void;
  /** As little heap as every thread has too much of is all that may be in use, or the usual part. */
  overload(is: 'usual' | 'always'): Promise<void>;
}

const pass: Behaviour = { passesOn: 'whole', finish: ({ socket, answer }: Exchange) => void socket.write(answer) };
const drop: Behaviour = { passesOn: 'nothing', finish: ({ socket }: Exchange) => void socket.resetAndDestroy() };
const lose: Behaviour = { passesOn: 'whole', finish: ({ socket }: Exchange) => void socket.resetAndDestroy() };

const BEHAVIOUR = { there: pass, away: drop, lost: lose };

/** Limits that some of the load runs into. */
const limits = {
  anonymousRetrieval: { per: '60s', requests: 60, burst: 20, missCost: 3, mode: 'shadow' },
  perKey: { per: '60s', requests: 10, burst: 3 },
  account: { mode: 'off' },
  failedAuth: { mode: 'off' },
};

export async function openWorld(): Promise<World> {
  const world = { eu: 'there' as World['eu'] };
  const faults = {
    target: 0,
    plan: () => BEHAVIOUR[world.eu],
    resetsOnAccept: () => world.eu === 'away',
  };
  const proxy = await openFaultProxy(faults);
  const source = await openServer(answerAsSource);
  const collector = await openServer((request, response) => request.resume().on('end', () => response.end('{}')));
  const folder = openFolder();
  const egress = await openEgress();
  const config = {
    admin: {
      host: '127.0.0.1',
      port: 0,
      tokens: [{ name: 'test', role: 'write', hash: `sha256:${createHash('sha256').update(TOKEN).digest('hex')}` }],
    },
    accounts: {
      rules: [
        { domain: 'us.example', region: 'us' },
        { domain: 'eu.example', region: 'eu' },
      ],
      order: ['directory', 'rules', 'source'],
      source: { url: `${source.url}/accounts`, file: join(folder.path, 'answers') },
    },
    audit: { file: join(folder.path, 'audit.jsonl'), key: join(folder.path, 'audit.key') },
    tracing: { otlp: collector.url, sample: 1 },
    health: { probe: '1s', breaker: { failures: 5, open: '1s' } },
    limits,
    upstream: { proxy: egress.url },
  };
  const lab = await openLab({ upstreams: { eu: [proxy.url] }, config });
  faults.target = Number(new URL(lab.eu.url).port);
  const load = startLoad(lab);
  return Object.assign(world, {
    lab,
    admin: new URL(lab.gateway.adminUrl).host,
    egress: egress.set,
    async overload(is: 'usual' | 'always') {
      const report = await lab.reload({ ...config, overload: { heap: is === 'usual' ? 0.9 : 0.001 } });
      if (report.result !== 'applied') throw new Error(report.problems.join());
    },
    async [Symbol.asyncDispose]() {
      await load.stop();
      await lab.close();
      await proxy[Symbol.asyncDispose]();
      await egress.close();
      await source.close();
      await collector.close();
      folder[Symbol.dispose]();
    },
  });
}

/** A directory of the organisation's own. */
const answerAsSource: RequestListener = (request, response) => {
  const account = new URL(request.url ?? '/', 'http://source').searchParams.get('account');
  response.statusCode = account === 'fay@org.example' ? 500 : 200;
  response.end(JSON.stringify({ region: 'us' }));
};

async function openServer(answer: RequestListener) {
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** Round by round, one of each kind; a call that gets no answer ends the load, and `stop` says so. */
function startLoad(lab: Lab) {
  let stopped = false;
  async function go(): Promise<void> {
    for (let round = 0; !stopped; round++) {
      await playRound(lab, round);
      await new Promise((settle) => setTimeout(settle, PACE_MS));
    }
  }
  const going = go();
  return {
    async stop(): Promise<void> {
      stopped = true;
      await going;
    },
  };
}

async function playRound(lab: Lab, round: number): Promise<void> {
  const body = 'secret=x&ttl=600';
  const headers = { 'Idempotency-Key': `repeated-${String(round).padStart(12, '0')}` };
  const made = await lab.call('POST', '/api/v1/share', { as: ALICE, body, headers });
  await lab.call('POST', '/api/v1/share', { as: ALICE, body, headers });
  await lab.call('POST', `/api/v1/secret/${made.json().secret_key}`);
  await lab.call('POST', '/us/api/v1/secret/nosuchkey0123456789012345678901');
  await lab.call('POST', '/api/v1/share', { as: BRUNO, body });
  await lab.call('GET', '/eu/api/v1/status');
  await lab.call('GET', '/api/v1/private/recent', { as: `${ALICE}wrong` });
  await lab.call('POST', '/api/v1/share', { as: KNOWN, body });
  await lab.call('POST', '/api/v1/share', { as: FAILING, body });
  await lab.call('GET', '/no/such/path');
  // Each round changes the directory.
  await call(lab.gateway.adminUrl, 'POST', '/admin/v1/accounts', {
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ account: 'ann@corp.example', region: round % 2 === 0 ? 'us' : 'eu', overwrite: true }),
  });
}
