// `node node-fastify-http-proxy.ts UPSTREAM`: @fastify/http-proxy as its documentation sets it up, and nothing else.
import type { AddressInfo } from 'node:net';
import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';
import { BACKLOG, CONNECTIONS } from './node-listen.ts';

const [, , upstream = ''] = process.argv;
const app = fastify({ bodyLimit: 8 * 1024 * 1024 });
await app.register(httpProxy, { upstream, undici: { connections: CONNECTIONS, pipelining: 1 } });
await app.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG });
console.log(`listening on ${(app.server.address() as AddressInfo).port}`);
