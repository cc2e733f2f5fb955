// The traffic of a soak: everything that callers do, at a fixed rate, and what each of it has to be answered.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Client, type Dispatcher, Pool } from 'undici';

const ACCOUNTS = 50;
const CONNECTIONS = 64;
const KEYS_KEPT = 4000;
const TIMEOUT_MS = 20_000;
const TOKEN = 'token';
const LARGE = `secret=${'x'.repeat(100_000)}`;
const FORM = 'application/x-www-form-urlencoded';

export const soakAccount = (at: number): string => `soak${at % ACCOUNTS}@soak.example`;
export const SOAK_ACCOUNTS = Array.from({ length: ACCOUNTS }, (_, at) => soakAccount(at));

interface Made {
  readonly account: string;
  readonly secret: string;
  readonly metadata: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly account?: string | undefined;
  readonly address?: string;
  readonly body?: string;
  readonly repeat?: string;
}

/** Undefined: as expected; else what was wrong. */
type Result = Promise<string | undefined>;

const basic = (account: string): string => `Basic ${Buffer.from(`${account}:${TOKEN}`).toString('base64')}`;
const expected = ({ status }: Answer, ...good: readonly number[]): string | undefined =>
  good.includes(status) ? undefined : `answered ${status}`;
/** Each request from another one, 65,536 in all: nobody's allowance is used up. */
const addressOf = (n: number): string => `10.0.${(n >> 8) % 256}.${n % 256}`;
/** Whose allowance is used up. */
const GREEDY = '10.9.9.9';

/** Of a secret that the gateway has not seen. */
const strangeKey = (): string => randomBytes(16).toString('hex');

async function send(dispatcher: Dispatcher, call: Call): Promise<Answer> {
  const { method, path, account, address = '10.8.0.1', body, repeat } = call;
  const { statusCode, body: answer } = await dispatcher.request({
    method,
    path,
    headers: {
      'x-forwarded-for': address,
      ...(account === undefined ? {} : { authorization: basic(account) }),
      ...(body === undefined ? {} : { 'content-type': FORM }),
      ...(repeat === undefined ? {} : { 'idempotency-key': repeat }),
    },
    ...(body === undefined ? {} : { body }),
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  });
  return { status: statusCode, body: await answer.text() };
}

/** A caller that sends and leaves, in the middle of the request, before the answer, or while it comes. */
function hangUp(port: number, n: number): Result {
  return new Promise((settle) => {
    const body = 'secret=left';
    const whole = `POST /api/v1/share HTTP/1.1\r\nHost: gateway\r\nAuthorization: ${basic(soakAccount(n))}\r\nContent-Type: ${FORM}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(n % 3 === 0 ? whole.slice(0, -5) : whole);
      setTimeout(() => socket.destroy(), n % 7);
    });
    socket.on('error', () => {});
    socket.on('close', () => settle(undefined));
  });
}

/** @param port of the gateway's public listener */
export function createTraffic(port: number) {
  const origin = `http://127.0.0.1:${port}`;
  const pool = new Pool(origin, { connections: CONNECTIONS, pipelining: 1 });
  const made: Made[] = [];
  let kept = 0;
  let refused = 0;

  function keep(account: string, body: string): string | undefined {
    const { secret_key: secret, metadata_key: metadata } = JSON.parse(body) as Record<string, unknown>;
    if (typeof secret !== 'string' || typeof metadata !== 'string') return 'a create told no keys';
    made[kept++ % KEYS_KEPT] = { account, secret, metadata };
    return undefined;
  }

  async function create(n: number, more: Partial<Call> = {}): Result {
    const account = soakAccount(n);
    const answer = await send(pool, { method: 'POST', path: '/api/v1/share', account, body: 'secret=soaked', ...more });
    return expected(answer, 200) ?? keep(account, answer.body);
  }

  /** Retrieving is repeated here, as the upstream allows it: the gateway has no say in that. */
  function oneMade(n: number): Made | undefined {
    return made[n % Math.max(1, made.length)];
  }

  async function withKey(n: number, call: (made: Made) => Promise<Answer>): Result {
    const one = oneMade(n);
    return one === undefined ? create(n) : expected(await call(one), 200);
  }

  const readMetadata = (dispatcher: Dispatcher, { account, metadata }: Made): Promise<Answer> =>
    send(dispatcher, { method: 'GET', path: `/api/v1/private/${metadata}`, account });

  const KINDS: readonly (readonly [share: number, name: string, call: (n: number) => Result])[] = [
    [12, 'create', (n) => create(n)],
    [2, 'create of 100 kB', (n) => create(n, { body: LARGE })],
    [
      24,
      'retrieve',
      (n) =>
        withKey(n, ({ account, secret }) =>
          send(pool, { method: 'POST', path: `/api/v1/secret/${secret}`, account, body: 'passphrase=p' }),
        ),
    ],
    [
      20,
      'anonymous retrieve',
      (n) =>
        withKey(n, ({ secret }) =>
          send(pool, { method: 'POST', path: `/api/v1/secret/${secret}`, address: addressOf(n), body: '' }),
        ),
    ],
    [20, 'metadata', (n) => withKey(n, (one) => readMetadata(pool, one))],
    [
      5,
      'refused by the limit',
      async () => {
        const path = `/api/v1/secret/${strangeKey()}`;
        const answer = await send(pool, { method: 'POST', path, address: GREEDY, body: '' });
        if (answer.status === 429) refused++;
        // Now and then one is within the allowance.
        return expected(answer, 429, 200);
      },
    ],
    [
      3,
      'private without credentials',
      async (n) =>
        expected(
          await send(pool, { method: 'GET', path: `/api/v1/private/${strangeKey()}`, address: addressOf(n) }),
          401,
        ),
    ],
    [
      2,
      'unknown account',
      async (n) => {
        const account = `stranger${n}@nowhere.example`;
        const call = {
          method: 'GET',
          path: `/api/v1/private/${strangeKey()}`,
          account,
          address: addressOf(n),
        } as const;
        return expected(await send(pool, call), 401);
      },
    ],
    [
      3,
      'repeated with Idempotency-Key',
      async (n) => {
        const call = { method: 'POST', path: '/api/v1/share', account: soakAccount(n), body: 'secret=once' } as const;
        const repeat = randomBytes(16).toString('hex');
        const first = await send(pool, { ...call, repeat });
        const second = await send(pool, { ...call, repeat });
        return expected(first, 200) ?? (first.body === second.body ? undefined : 'the repeat was answered otherwise');
      },
    ],
    [4, 'caller that hangs up', (n) => hangUp(port, n)],
    [
      5,
      'new connection',
      async (n) => {
        const client = new Client(origin, { pipelining: 1 });
        try {
          return await withKey(n, (one) => readMetadata(client, one));
        } finally {
          await client.close();
        }
      },
    ],
  ];
  const turns = KINDS.flatMap(([share, name, call]) => Array.from({ length: share }, () => ({ name, call })));

  return {
    /** One request, or what counts as one. @returns what was wrong, with its kind */
    async one(n: number): Result {
      // 61 has no divisor in common with the number of turns: kinds are mixed, and each has its share.
      const { name, call } = turns[(n * 61) % turns.length] ?? { name: '', call: create };
      try {
        const wrong = await call(n);
        return wrong === undefined ? undefined : `${name}: ${wrong}`;
      } catch (error) {
        return `${name}: ${error instanceof Error ? error.message : 'failed'}`;
      }
    },
    refused: () => refused,
    close: () => pool.destroy(),
  };
}
