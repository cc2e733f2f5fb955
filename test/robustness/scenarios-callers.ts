// Scenarios about who a caller is, and about a gateway that ends.
import type { Socket } from 'node:net';
import { openFolder } from '../support/folder.ts';
import { basic } from '../support/http.ts';
import { ALICE, BRUNO, type Lab, openLab } from '../support/lab.ts';
import { startCli } from '../support/process.ts';
import { rawCaller } from '../support/raw.ts';
import { readAnswers } from './answers.ts';
import { ok } from './region-acts.ts';
import type { Result, Scenario } from './scenarios.ts';
import { gatewayFile } from './subjects.ts';
import { openWitness } from './witness.ts';

const [NAME = ''] = ALICE.split(':');
const CREATE = '/api/v1/share';

async function inLab(run: (lab: Lab) => Promise<Result>, config?: Readonly<Record<string, unknown>>): Promise<Result> {
  const lab = await openLab(config === undefined ? {} : { config });
  try {
    return await run(lab);
  } finally {
    await lab.close();
  }
}

/** `us: GET /api/v1/authcheck, POST /api/v1/share`, with whose credentials where `who` knows them. */
function seenBy(lab: Lab, who: ReadonlyMap<string, string>): string {
  const regions = [lab.us, lab.eu].filter(({ requests }) => requests.length > 0);
  const told = regions.map(({ region, requests }) => {
    const calls = requests.map(({ method, path, headers }) => {
      const authorization = headers.find(([name]) => name.toLowerCase() === 'authorization')?.[1];
      const by = authorization === undefined ? 'nobody' : (who.get(authorization) ?? 'somebody else');
      return `${method} ${path} by ${by}`;
    });
    return `${region}: ${calls.join(', ')}`;
  });
  return told.join('; ') || 'nothing';
}

const createRaw = (credentials: string, more: readonly string[] = []): string =>
  `${[
    `POST ${CREATE} HTTP/1.1`,
    'Host: gateway',
    `Authorization: ${basic(credentials)}`,
    'Content-Type: application/x-www-form-urlencoded',
    'Content-Length: 8',
    ...more,
  ].join('\r\n')}\r\n\r\nsecret=x`;

/** A reveal is at the region when SIGTERM comes; the region answers afterwards. */
async function endsInTheMiddle(): Promise<Result> {
  using folder = openFolder();
  await using region = await openWitness();
  const { promise: held, resolve: hold } = Promise.withResolvers<Socket>();
  region.behave = hold;
  const file = folder.write('gateway.yaml', gatewayFile(region.port));
  await using gateway = await startCli(['serve', '--config', file]);
  const [, url = ''] = await gateway.line(/"url":"([^"]+)"/);
  const caller = rawCaller(url);
  caller.send('POST /api/v1/secret/abcdefghij0123456789abcdefghij0 HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n');
  const socket = await held;
  gateway.kill('SIGTERM');
  await gateway.line(/"signal":"SIGTERM"/);
  socket.write(ok());
  const [answer] = readAnswers(await caller.closed, false);
  const { code } = await gateway.exited;
  return {
    back: `${answer?.status}${answer?.isWhole ? ', whole' : ''}; the process ended with ${code}`,
    saw: `${region.requests.length} request`,
  };
}

const ADMIN = ['/metrics', '/livez', '/readyz', '/admin/v1/accounts', '/admin/v1/reload'];

export const CALLERS: readonly Scenario[] = [
  {
    name: 'password with colons',
    sent: '`Basic NAME:a:b:c`, on a route that needs credentials',
    back: '401',
    saw: 'us: GET /api/v1/authcheck by NAME:a:b:c',
    run: () =>
      inLab(async (lab) => {
        const credentials = `${NAME}:a:b:c`;
        const { status } = await lab.call('GET', '/api/v1/private/recent', { as: credentials });
        return { back: `${status}`, saw: seenBy(lab, new Map([[basic(credentials), 'NAME:a:b:c']])) };
      }),
  },
  {
    name: 'bad credentials where none are needed',
    sent: 'a create with a token that is not the account’s',
    back: '401 from us, nothing created',
    saw: 'us: POST /api/v1/share by NAME',
    run: () =>
      inLab(async (lab) => {
        const credentials = `${NAME}:wrong`;
        const reply = await lab.call('POST', CREATE, { as: credentials, body: 'secret=x' });
        const { secret_key: key } = reply.json();
        const created = typeof key === 'string' ? 'a secret created' : 'nothing created';
        const by = reply.headers['onetime-gateway-region'] ?? 'the gateway';
        return {
          back: `${reply.status} from ${by}, ${created}`,
          saw: seenBy(lab, new Map([[basic(credentials), 'NAME']])),
        };
      }),
  },
  {
    name: 'two users on one connection',
    sent: 'creates of an account of us and of one of eu, one behind the other',
    back: '200, 200',
    saw: 'us: POST /api/v1/share by the first; eu: POST /api/v1/share by the second',
    run: () =>
      inLab(async (lab) => {
        const caller = rawCaller(lab.gateway.url);
        caller.send(createRaw(ALICE) + createRaw(BRUNO, ['Connection: close']));
        const answers = readAnswers(await caller.closed, false);
        const who = new Map([
          [basic(ALICE), 'the first'],
          [basic(BRUNO), 'the second'],
        ]);
        return { back: answers.map(({ status }) => status).join(', '), saw: seenBy(lab, who) };
      }),
  },
  {
    name: 'SIGTERM in the middle of a reveal',
    sent: 'SIGTERM while the region has the request; then it answers',
    back: '200, whole; the process ended with 0',
    saw: '1 request',
    run: endsInTheMiddle,
  },
  {
    name: 'the admin listener’s paths at the public port',
    sent: ADMIN.map((path) => `\`${path}\``).join(', '),
    back: '404',
    saw: 'nothing',
    run: () =>
      inLab(async (lab) => {
        const statuses = new Set<number>();
        for (const path of ADMIN) statuses.add((await lab.call('GET', path)).status);
        return { back: [...statuses].join(', '), saw: seenBy(lab, new Map()) };
      }),
  },
];
