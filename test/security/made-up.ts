// Requests of which nobody has ever heard, in any number.
import { connect } from 'node:net';
import { createRandom, type Random } from '../fuzz/random.ts';
import { basic } from '../support/http.ts';

/** As many as one connection may have waiting. */
const BATCH = 30;
const CONNECTIONS = 4;
/** Fewer than any proxy lets one connection have. */
const ON_ONE = 900;
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'PROPFIND', 'MKCOL', 'PURGE', 'TRACE'];

const word = (random: Random): string => random.below(2 ** 31).toString(36) + random.below(2 ** 31).toString(36);

/** One that is refused by the gateway, each time in other words, with other methods, hosts, regions, accounts and headers. */
function madeUp(random: Random): string {
  const path = random.pick([
    `/${word(random)}`,
    `/${word(random)}/api/v1/status`,
    `/api/v1/${word(random)}/${word(random)}`,
    `/api/${word(random)}?${word(random)}=${word(random)}`,
    `/api/v1/secret/${word(random)}`,
    `/us/api/v2/private/${word(random)}${word(random)}`,
  ]);
  const headers = random.pick([
    `X-${word(random)}: ${word(random)}`,
    `Onetime-Region: ${word(random)}`,
    `Authorization: ${basic(`${word(random)}@${word(random)}.example:${word(random)}`)}`,
    `X-Forwarded-For: ${random.below(256)}.${random.below(256)}.1.1`,
    `traceparent: 00-${word(random).padEnd(32, 'a').slice(0, 32)}-00f067aa0ba902b7-01`,
  ]);
  return `${random.pick(METHODS)} ${path} HTTP/1.1\r\nHost: ${word(random)}.example\r\n${headers}\r\nContent-Length: 0\r\n\r\n`;
}

/** Sends requests on one connection, a batch behind the other, and waits for each answer. */
async function sendOn(url: string, count: number, random: Random): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  let [seen, tail] = [0, ''];
  let answered = (): void => {};
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    const text = tail + chunk;
    seen += text.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0;
    // Shorter than what is looked for, so that nothing is counted twice.
    tail = text.slice(-12).replace(/HTTP\/1\.1 \d{3} /, '');
    answered();
  });
  const closed = new Promise<never>((_, reject) =>
    socket.on('close', () => reject(new Error('the connection has closed'))),
  );
  closed.catch(() => {});
  for (let sent = 0; sent < count; ) {
    const size = Math.min(BATCH, count - sent);
    sent += size;
    const all = new Promise<void>((resolve) => {
      answered = () => {
        if (seen >= sent) resolve();
      };
    });
    socket.write(Array.from({ length: size }, () => madeUp(random)).join(''));
    await Promise.race([all, closed]);
  }
  socket.destroy();
}

/** Sends made-up requests on some connections at a time; rejects when one of these is closed. @param seed the same makes the same */
export async function sendMadeUp(url: string, count: number, seed: number): Promise<void> {
  const each = Math.ceil(count / CONNECTIONS);
  const lane = async (at: number): Promise<void> => {
    const random = createRandom(seed, at);
    for (let sent = 0; sent < each; sent += ON_ONE) await sendOn(url, Math.min(ON_ONE, each - sent), random);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, at) => lane(at)));
}
