// Scenarios about who a caller is.

import { ACCOUNTS as BENCH_ACCOUNTS } from '../../bench/lib/workloads.ts';
import { caddy } from '../../bench/peers/caddy.ts';
import type { Contestant } from '../../bench/peers/contestant.ts';
import { haproxy } from '../../bench/peers/haproxy.ts';
import { nginx } from '../../bench/peers/nginx.ts';
import type { Twin } from '../../src/twin/twin.ts';
import { openFolder } from '../support/folder.ts';
import { basic, call } from '../support/http.ts';
import { ALICE, BRUNO, type Lab } from '../support/lab.ts';
import { rawCaller } from '../support/raw.ts';
import { readAnswers } from './answers.ts';
import { ok, writes } from './region-acts.ts';
import { beforeTwin, inLab, SAFE, type Scenario, type Told, unsafe } from './scenario.ts';
import { openWitness } from './witness.ts';

const [NAME = ''] = ALICE.split(':');
const CREATE = '/api/v1/share';
const RECENT = '/api/v1/private/recent';

/** Which credentials are whose, by the field. */
type Who = ReadonlyMap<string, string>;

/** Where a question is asked: the gateway's lab, or a peer before one twin. */
interface Place {
  readonly url: string;
  readonly twins: readonly Twin[];
}

function asked(ask: (place: Place) => Promise<Told>): Pick<Scenario, 'run' | 'at'> {
  return {
    run: () => inLab((lab) => ask(placeOf(lab))),
    at: (peer) => beforeTwin(peer, 'plain', ({ url }, twin) => ask({ url, twins: [twin] })),
  };
}

const placeOf = ({ gateway, us, eu }: Lab): Place => ({ url: gateway.url, twins: [us, eu] });

const nameOf = (who: Who, authorization: string | undefined): string =>
  authorization === undefined ? 'nobody' : (who.get(authorization) ?? 'somebody else');

/** `us: GET /api/v1/authcheck by NAME`. */
function seenBy({ twins }: Place, who: Who): string {
  const told = twins.flatMap(({ region, requests }) => {
    const calls = requests.map(({ method, path, headers }) => {
      const authorization = headers.find(([name]) => name.toLowerCase() === 'authorization')?.[1];
      return `${method} ${path} by ${nameOf(who, authorization)}`;
    });
    return calls.length === 0 ? [] : [`${region}: ${calls.join(', ')}`];
  });
  return told.join('; ') || 'nothing';
}

/** Whoever asked is who the region was told of. */
const judgeWho = (saw: string): Told['judgement'] =>
  /by (?:nobody|somebody else)/.test(saw) ? unsafe('the region was told of somebody else') : SAFE;

async function colons(place: Place): Promise<Told> {
  const credentials = `${NAME}:a:b:c`;
  const { status } = await call(place.url, 'GET', RECENT, { as: credentials });
  const saw = seenBy(place, new Map([[basic(credentials), 'NAME:a:b:c']]));
  return { back: `${status}`, saw, judgement: judgeWho(saw) };
}

async function badCredentials(place: Place): Promise<Told> {
  const credentials = `${NAME}:wrong`;
  const reply = await call(place.url, 'POST', CREATE, { as: credentials, body: 'secret=x' });
  const isCreated = reply.body.includes('"secret_key"');
  const saw = seenBy(place, new Map([[basic(credentials), 'NAME']]));
  return {
    back: `${reply.status}, ${isCreated ? 'a secret created' : 'nothing created'}`,
    saw,
    judgement: isCreated ? unsafe('a bad token passes as none') : judgeWho(saw),
  };
}

const createRaw = (host: string, authorization: string, more: readonly string[] = []): string =>
  `${[
    `POST ${CREATE} HTTP/1.1`,
    `Host: ${host}`,
    `Authorization: ${authorization}`,
    'Content-Type: application/x-www-form-urlencoded',
    'Content-Length: 8',
    ...more,
  ].join('\r\n')}\r\n\r\nsecret=x`;

const APART = `us: POST ${CREATE} by the first; eu: POST ${CREATE} by the second`;

/** One behind the other on one connection. */
async function two(url: string, [first, second]: readonly [string, string], saw: (who: Who) => string): Promise<Told> {
  const caller = rawCaller(url);
  const { host } = new URL(url);
  caller.send(createRaw(host, first) + createRaw(host, second, ['Connection: close']));
  const answers = readAnswers(await caller.closed, false);
  const told = saw(
    new Map([
      [first, 'the first'],
      [second, 'the second'],
    ]),
  );
  return {
    back: answers.map(({ status }) => status).join(', '),
    saw: told,
    judgement: told === APART ? SAFE : unsafe('they are not told apart'),
  };
}

/** As the measurements have them: the region by the user's name. */
const BY_ACCOUNT: ReadonlyMap<string, Contestant> = new Map([
  ['nginx', nginx],
  ['HAProxy', haproxy],
  ['Caddy', caddy],
]);

async function twoAt(contestant: Contestant): Promise<Told> {
  using folder = openFolder();
  await using us = await openWitness();
  await using eu = await openWitness();
  for (const region of [us, eu]) region.behave = writes(ok());
  const upstreams = { us: us.port, eu: eu.port };
  const setting = { folder: folder.path, core: undefined, upstreams, refusing: false, store: '' };
  await using listening = await contestant.start(setting);
  const inUs = BENCH_ACCOUNTS.find(({ region }) => region === 'us')?.authorization ?? '';
  const inEu = BENCH_ACCOUNTS.find(({ region }) => region === 'eu')?.authorization ?? '';
  const regions = { us, eu };
  const saw = (who: Who): string =>
    Object.entries(regions)
      .map(([name, { requests }]) => `${name}: ${requests.map((request) => lineOf(request, who)).join(', ')}`)
      .join('; ');
  return await two(`http://127.0.0.1:${listening.ports[0]}`, [inUs, inEu], saw);
}

const lineOf = (request: string, who: Who): string => {
  const [line = ''] = request.split(' HTTP/');
  return `${line} by ${nameOf(who, /^authorization: *([^\r]*)/im.exec(request)?.[1])}`;
};

const ADMIN = ['/metrics', '/livez', '/readyz', '/admin/v1/accounts', '/admin/v1/reload'];

export const ACCOUNTS: readonly Scenario[] = [
  {
    name: 'password with colons',
    sent: '`Basic NAME:a:b:c`, on a route that needs credentials',
    back: '401',
    saw: 'us: GET /api/v1/authcheck by NAME:a:b:c',
    ...asked(colons),
  },
  {
    name: 'bad credentials where none are needed',
    sent: 'a create with a token that is not the account’s',
    back: '401, nothing created',
    saw: 'us: POST /api/v1/share by NAME',
    ...asked(badCredentials),
  },
  {
    name: 'two users on one connection',
    sent: 'creates of an account of us and of one of eu, one behind the other',
    back: '200, 200',
    saw: APART,
    run: () => inLab((lab) => two(lab.gateway.url, [basic(ALICE), basic(BRUNO)], (who) => seenBy(placeOf(lab), who))),
    at(peer) {
      const contestant = BY_ACCOUNT.get(peer.name);
      return contestant === undefined ? 'it has no regions' : twoAt(contestant);
    },
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
        const saw = seenBy(placeOf(lab), new Map());
        const isClosed = [...statuses].every((status) => status === 404) && saw === 'nothing';
        return { back: [...statuses].join(', '), saw, judgement: isClosed ? SAFE : unsafe('it can be reached') };
      }),
    at: () => 'these are the gateway’s own; “metrics from the public port” above asks all four',
  },
];
