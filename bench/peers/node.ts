// The proxies for Node, bare: one upstream, no policy. Each is a small program beside this file that prints its port.
import { fileURLToPath } from 'node:url';
import { launch } from '../lib/child.ts';
import type { Contestant } from './contestant.ts';

function program(name: string, about: string, file: string, takes: Contestant['takes']): Contestant {
  return {
    name,
    about,
    missing: undefined,
    policy: 'none',
    takes,
    async start({ folder, core, upstreams }) {
      const path = fileURLToPath(new URL(file, import.meta.url));
      const child = launch(process.execPath, [path, `http://127.0.0.1:${upstreams.us}`], { name, folder, core });
      try {
        const [, port] = await child.says(/listening on (\d+)\n/);
        return { ports: [Number(port)], pid: child.pid, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
      } catch (error) {
        await child[Symbol.asyncDispose]();
        throw error;
      }
    },
  };
}

const proxied: Contestant['takes'] = ({ status }) => status === 200;

export const NODE_PEERS: readonly Contestant[] = [
  program('http-proxy', 'bare http-proxy', 'node-http-proxy.ts', proxied),
  program('@fastify/http-proxy', 'bare @fastify/http-proxy', 'node-fastify-http-proxy.ts', proxied),
  program('httpxy', 'bare httpxy', 'node-httpxy.ts', proxied),
  // What a refusal costs at least on this stack: no proxy of the three has limits.
  program('fastify', 'Fastify answering a constant 429', 'node-fastify.ts', ({ status }) => status === 429),
];
