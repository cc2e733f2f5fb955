// Load where wrk is missing: plain sockets, one request at a time on each. Reads only what these upstreams and proxies
// answer: a Content-Length, or chunks. Told by the environment (load.ts), prints one RESULT line.
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

const env = (name: string): string => process.env[`BENCH_${name}`] ?? '';
const PORT = Number(env('PORT'));
const BODY = readFileSync(env('BODY'), 'latin1');
const KEYS = env('KEYS') === '' ? [] : readFileSync(env('KEYS'), 'latin1').trimEnd().split('\n');
const AUTHORIZATIONS = env('AUTHORIZATIONS') === '' ? [] : env('AUTHORIZATIONS').split(',');
const IS_CLOSING = env('CLOSE') === '1';

const endMs = performance.now() + Number(env('SECONDS')) * 1000;
const latenciesUs: number[] = [];
const counts = { refused: 0, broken: 0 };
let sent = 0;

function keyOf(n: number): string {
  if (KEYS.length > 0) return KEYS[n % KEYS.length] ?? '';
  const prefix = env('PREFIX');
  return prefix === '' ? '' : `${prefix}${String(n).padStart(10, '0')}`;
}

function requestOf(n: number): string {
  const authorization = AUTHORIZATIONS[n % Math.max(1, AUTHORIZATIONS.length)];
  const lines = [
    `${env('METHOD')} ${env('BEFORE')}${keyOf(n)}${env('AFTER')} HTTP/1.1`,
    `Host: 127.0.0.1:${PORT}`,
    ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
    ...(IS_CLOSING ? ['Connection: close'] : []),
    ...(BODY === '' ? [] : ['Content-Type: application/x-www-form-urlencoded', `Content-Length: ${BODY.length}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${BODY}`;
}

/** Whether the text is one whole answer. */
function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end + 2))?.[1];
  return length === undefined ? text.endsWith('\r\n0\r\n\r\n') : text.length >= end + 4 + Number(length);
}

/** One connection at a time, until the time is over. */
async function lane(): Promise<void> {
  while (performance.now() < endMs) await useOne(connect({ port: PORT, host: '127.0.0.1', noDelay: true }));
}

function useOne(socket: Socket): Promise<void> {
  return new Promise((settle) => {
    let text = '';
    let startMs = 0;
    // From the start: who cannot connect is not served either.
    let isWaiting = true;
    function next(): void {
      isWaiting = performance.now() < endMs;
      if (!isWaiting) return void socket.destroy();
      startMs = performance.now();
      socket.write(requestOf(sent++), 'latin1');
    }
    socket.setEncoding('latin1');
    socket.on('connect', next);
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!isWaiting || !isWhole(text)) return;
      isWaiting = false;
      latenciesUs.push((performance.now() - startMs) * 1000);
      if (Number(text.slice(9, 12)) >= 400) counts.refused++;
      text = '';
      if (IS_CLOSING) socket.destroy();
      else next();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(atEnd);
      // At the end, what is still under way is nobody's failure.
      if (isWaiting && performance.now() < endMs) counts.broken++;
      settle();
    });
    // A timer takes whole milliseconds, and must not be early: what it cuts would count.
    const atEnd = setTimeout(() => socket.destroy(), Math.max(0, Math.ceil(endMs - performance.now()) + 1));
  });
}

const startMs = performance.now();
await Promise.all(Array.from({ length: Number(env('CONNECTIONS')) }, lane));
const seconds = (performance.now() - startMs) / 1000;
latenciesUs.sort((one, other) => one - other);
const at = (share: number): number => Math.round(latenciesUs[Math.floor(share * (latenciesUs.length - 1))] ?? 0);
const result = { requests: latenciesUs.length, seconds, ...counts, p50Us: at(0.5), p99Us: at(0.99) };
console.log(`RESULT ${JSON.stringify(result)}`);
