// The regions of a measurement where nginx is missing: answers everything alike, with keys of its own for each request.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const BASE = randomBytes(8).toString('hex');
let made = 0;

function answer(region: string): string {
  const key = `${BASE}${String(made++).padStart(16, '0')}`;
  const keys = { secret_key: `s${key}`, metadata_key: `m${key}`, ttl: 3600, metadata_ttl: 7200 };
  return JSON.stringify({ region, ...keys, value: 'the launch code is 0000' });
}

async function listen(region: string): Promise<number> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const isCheck = request.url === '/api/v1/authcheck';
      const body = isCheck ? '{"status":"nominal","locale":"en"}' : answer(region);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

console.log(`listening on ${await listen('us')} ${await listen('eu')}`);
