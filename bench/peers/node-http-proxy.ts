// `node node-http-proxy.ts UPSTREAM`: http-proxy with kept-alive connections, and nothing else.
import { Agent, createServer } from 'node:http';
import httpProxy from 'http-proxy';
import { CONNECTIONS, listenAnywhere } from './node-listen.ts';

const [, , target = ''] = process.argv;
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const proxy = httpProxy.createProxyServer({ target, agent });
proxy.on('error', (_error, _request, response) => {
  if ('writeHead' in response && !response.headersSent) response.writeHead(502);
  response.end();
});
await listenAnywhere(createServer((request, response) => proxy.web(request, response)));
