// `node node-fastify.ts`: Fastify that answers every request 429 with a constant, bodies read.
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { BACKLOG } from './node-listen.ts';

const ANSWER = { message: 'Too many requests.' };
const app = fastify();
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.all('/*', (_request, reply) => reply.code(429).send(ANSWER));
await app.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG });
console.log(`listening on ${(app.server.address() as AddressInfo).port}`);
