// `node node-httpxy.ts UPSTREAM`: httpxy with kept-alive connections, and nothing else.
import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'httpxy';
import { CONNECTIONS, listenAnywhere } from './node-listen.ts';

const [, , target = ''] = process.argv;
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const proxy = createProxyServer({ target, agent });
await listenAnywhere(
  createServer((request, response) => {
    proxy.web(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(502);
      response.end();
    });
  }),
);
